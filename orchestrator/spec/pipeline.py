"""The whole spec, as the user writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.fields import REQUIRES, Broken, ParameterSpec, SpecModel, StepName
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.schedule import NotifySpec, ScheduleSpec
from orchestrator.spec.train import TrainSpec

StepSpec = Annotated[
    ProcessingSpec
    | DatasetSpec
    | TrainSpec
    | GenerateSpec
    | EvaluateSpec
    | GateSpec
    | RegisterSpec
    | BedrockSpec
    | BedrockImportSpec
    | JumpstartSpec,
    Field(discriminator="kind"),
]
"""One step. A new kind joins this union; mypy then names every `match` that forgot it."""

PipelineName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}$")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]


class PipelineSpec(SpecModel):
    """One pipeline: parameters and named steps. The graph follows from the references."""

    name: PipelineName
    """Letters, digits and hyphens."""
    description: str | None = None
    """Shown in SageMaker Studio and in the report."""
    requires: Annotated[str, StringConstraints(pattern=REQUIRES)] | None = None
    """The versions of fmo that the spec is written for: `">=0.2"`, in quotes."""
    include: str | tuple[str, ...] = ()
    """Other files, whose parameters and steps hold field by field where this one says nothing."""
    parameters: dict[ParameterName, ParameterSpec] = Field(default_factory=dict)
    """Values that may differ from one execution to the next."""
    schedule: ScheduleSpec | None = None
    """When the pipeline starts by itself once it is deployed."""
    notify: NotifySpec | None = None
    """Which ends of an execution somebody is told of."""
    steps: dict[StepName, StepSpec] = Field(min_length=1)
    """Name to step, in any order."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield an `include` that came after the files were read."""
        if self.include:
            what = "files are included while a spec is read, which has been done"
            yield Broken("include", what, "Write it into the file.")
