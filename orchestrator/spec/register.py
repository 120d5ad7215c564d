"""Step kind `register`: a model package with its card and metrics in the model registry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.spec.fields import Location, Reference, SpecModel, StepModel

GroupName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
HostingInstance = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")]


class ModelCardSpec(SpecModel):
    """What a person should know before using the model (SageMaker model card schema)."""

    intended_uses: str | None = None
    """What the model is for."""
    out_of_scope_uses: str | None = None
    """What it must not be used for."""
    risk_rating: Literal["High", "Medium", "Low", "Unknown"] = "Unknown"
    """How much harm a wrong answer does."""
    training_data: str | None = None
    """Where the rows came from."""
    license: str | None = None
    """Under which licence the weights may be used, such as `apache-2.0`."""
    caveats: str | None = None
    """What else to know."""


class RegisterSpec(StepModel):
    """A new version in a model package group. Output: `model_package_arn`."""

    kind: Literal["register"] = "register"
    """The step's kind."""
    model: Location
    """Usually `$exam.model`, so that the gates come first."""
    model_package_group_name: GroupName
    """The group; a new version joins those it has."""
    approval_status: Literal["PendingManualApproval", "Approved", "Rejected"] = (
        "PendingManualApproval"
    )
    """Whether the version may be deployed at once."""
    metrics: Reference | None = None
    """`$exam.metrics`; unset: those of the step whose model is registered, if it has any."""
    model_card: ModelCardSpec = ModelCardSpec()
    """The model card."""
    inference_instance_types: Annotated[tuple[HostingInstance, ...], Field(min_length=1)] = (
        "ml.g5.xlarge",
    )
    """Instances that may host the model."""
    image_uri: str | None = None
    """The container image that serves the model; otherwise the catalogue's."""
