"""The pieces that every spec model is made of: the strict base model, references, parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints


class SpecModel(BaseModel):
    """A frozen model that refuses unknown keys; the base of everything a user writes."""

    # extra="forbid": a misspelt key that is ignored costs a GPU bill.
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )


NAME_PATTERN = r"^[A-Za-z0-9](-?[A-Za-z0-9_])*$"

StepName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,47}$")]
"""A step's name. At most 48 characters: gates append `-gate-failed` to it and SageMaker allows 64."""

Reference = Annotated[str, StringConstraints(pattern=r"^\$[A-Za-z0-9_-]+(\.[A-Za-z0-9_.-]+)?$")]
"""`$step`, `$step.output`, `$params.Name`, `$secrets.name`, `$execution.start`."""

ParameterReference = Annotated[str, StringConstraints(pattern=r"^\$params\.[A-Za-z][A-Za-z0-9]*$")]
"""`$params.Name`: the value of a pipeline parameter, known when the execution starts."""

StepReference = Reference
"""A reference to what another step makes."""

Location = Annotated[str, StringConstraints(pattern=r"^(\$|\./|\.\./|/|s3://|hf://|glue://)")]
"""Where data or a model comes from: a reference, or a path that starts with `./`, `/`, `s3://`..."""

Integer = int | ParameterReference
Float = float | ParameterReference
Text = str

InstanceType = Annotated[
    str, StringConstraints(pattern=r"^(ml\.[a-z0-9-]+\.[a-z0-9-]+|\$params\..+)$")
]

Scalar = bool | int | float | str


class ParameterSpec(SpecModel):
    """A value that may differ from one execution to the next, set by `--param Name=value`."""

    type: Literal["String", "Integer", "Float", "Boolean", "S3Uri"]
    default: Scalar | None = None
    """The value when none is given; without one, every execution must set it."""
    local: Scalar | None = None
    """The default on the local backend, such as a path to a small sample."""
    enum: tuple[Scalar, ...] | None = None
    """The only values allowed."""
    description: str | None = None


class Gates(SpecModel):
    """Bounds on a step's metrics. What reads the step's results waits until all of them hold."""

    max: dict[str, Float] = {}
    """Metric name to the largest value allowed."""
    min: dict[str, Float] = {}
    """Metric name to the smallest value allowed."""


class StepModel(SpecModel):
    """What every step may say."""

    description: str | None = None
    """Shown in SageMaker Studio and in the report."""
    after: tuple[StepName, ...] = ()
    """Steps that must end first although nothing of theirs is read."""
    retries: int = 2
    """Tries after a service fault, throttling or lost capacity; 0 for none."""
    cache: bool = True
    """Whether an earlier, equal step's outputs may be used again."""


class JobModel(StepModel):
    """What every step that runs as a job of its own may say."""

    instance_type: InstanceType | None = None
    """The SageMaker instance; each kind has a default in the catalogue."""
    instance_count: Integer = 1
    volume_size_gb: Integer = 30
    """Disk of each instance in GB (SageMaker's default: 30)."""
    max_runtime_seconds: Integer = 86_400
    """The job is stopped after this long (CreateTrainingJob, StoppingCondition: 86,400)."""
    image_uri: str | None = None
    """A container image of your own; otherwise the catalogue's image for the region."""
    environment: dict[str, str] = {}
    """Environment variables of the job. Never secrets."""
    requirements: str | None = None
    """A requirements.txt with pinned packages that the image lacks."""
