"""The plan: a spec that is checked, ordered and resolved, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.spec.approved import ApprovedSpec
    from orchestrator.spec.fields import ParameterSpec
    from orchestrator.spec.pipeline import StepSpec
    from orchestrator.spec.project import SecretSpec
    from orchestrator.spec.schedule import NotifySpec, ScheduleSpec

DATA_STEP = "-data"
"""Ending of the step that converts the rows for a step of kind `bedrock` or `jumpstart`."""


@dataclass(frozen=True)
class StepOutput:
    """What another step made: `$split.test` is `StepOutput("split", "test")`.

    Re-exports are already resolved: for `$exam.model` this names the step that trained the
    model, and `PlannedStep.guards` of the reader holds `exam`.
    """

    step: str
    output: str


@dataclass(frozen=True)
class ParameterValue:
    """`$params.Name`."""

    name: str


@dataclass(frozen=True)
class LocalPath:
    """A file or folder on this machine: `path` as written, relative to the spec."""

    path: str


@dataclass(frozen=True)
class S3Uri:
    """An `s3://bucket/key` given literally."""

    uri: str


@dataclass(frozen=True)
class HubModel:
    """`hf://ID@revision`; the revision is `main` unless written or locked."""

    model_id: str
    revision: str


@dataclass(frozen=True)
class ApprovedModel:
    """`$registry.GROUP.approved`: the newest approved version when the execution runs."""

    group: str

    @property
    def step(self) -> str:
        """The step that asks the registry for it."""
        return f"approved-{self.group}"


Source = StepOutput | ParameterValue | LocalPath | S3Uri | HubModel | ApprovedModel


@dataclass(frozen=True)
class MetricSource:
    """`$exam.metrics.accuracy`: one number of a step's `metrics.json`."""

    step: str
    metric: str


@dataclass(frozen=True)
class GateCondition:
    """`metric` at least (`min`) or at most (`max`) `bound`."""

    metric: MetricSource
    comparison: str
    """`min` or `max`."""
    bound: float | ParameterValue | MetricSource


@dataclass(frozen=True)
class PlannedGate:
    """The gate on a step, or a step of kind `gate`. Named by the step it belongs to."""

    step: str
    conditions: tuple[GateCondition, ...]
    any: bool = False
    otherwise: Literal["fail", "stop"] = "fail"


@dataclass(frozen=True)
class TrainingArtifacts:
    """What JumpStart trains a model with in one region, as it is locked."""

    region: str
    image_uri: str
    model_uri: str
    script_uri: str
    hyperparameters: Mapping[str, str]
    """Name to its default."""
    environment: Mapping[str, str]
    instance_type: str | None
    """The one that JumpStart proposes."""


@dataclass(frozen=True)
class PlannedStep:
    """One step, ready to compile."""

    name: str
    spec: StepSpec | ApprovedSpec
    inputs: Mapping[str, Source]
    """Input channel to its source. Channels per kind are listed in ARCHITECTURE.md."""
    arguments: Mapping[str, ParameterValue | StepOutput]
    """Settings (by spec field name) known only when the execution runs: job arguments.

    Parameters in fields that configure the job itself (`instance_count: $params.N`) are not here.
    """
    depends_on: tuple[str, ...]
    """Steps that must end first, sorted; from references and `after`."""
    guards: tuple[str, ...]
    """Gates (by step name) that must have opened first, in topological order, transitively."""
    gate: PlannedGate | None = None
    """The gate on this step's own metrics."""
    secrets: Mapping[str, SecretSpec] = field(default_factory=dict)
    """Variables of its environment that are secrets, and where each one is."""
    artifacts: TrainingArtifacts | None = None
    """What JumpStart trains it with; None if it is not locked, or of another kind."""


@dataclass(frozen=True)
class Plan:
    """The whole pipeline; `steps` are in an order in which every step follows what it reads."""

    name: str
    description: str | None
    parameters: Mapping[str, ParameterSpec]
    steps: tuple[PlannedStep, ...]
    schedule: ScheduleSpec | None = None
    notify: NotifySpec | None = None

    def step(self, name: str) -> PlannedStep:
        """Return the step called `name`; KeyError if there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)
