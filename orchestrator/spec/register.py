"""Step kind `register`: a model package with its card and metrics in the model registry."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.fields import Location, SpecModel, StepModel


class ModelCardSpec(SpecModel):
    """What a person should know before using the model (SageMaker model card schema)."""

    intended_uses: str | None = None
    out_of_scope_uses: str | None = None
    risk_rating: Literal["High", "Medium", "Low", "Unknown"] = "Unknown"
    training_data: str | None = None
    caveats: str | None = None


class RegisterSpec(StepModel):
    """A new version in a model package group. Output: `model_package_arn`."""

    kind: Literal["register"] = "register"
    model: Location
    """Usually `$exam.model`, so that the gates come first."""
    model_package_group_name: str
    approval_status: Literal["PendingManualApproval", "Approved", "Rejected"] = (
        "PendingManualApproval"
    )
    metrics: str | None = None
    """`$exam.metrics`; unset: those of the step whose model is registered, if it has any."""
    model_card: ModelCardSpec = ModelCardSpec()
    inference_instance_types: tuple[str, ...] = ("ml.g5.xlarge",)
    image_uri: str | None = None
