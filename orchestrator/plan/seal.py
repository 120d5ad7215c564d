"""The sealed test rows: only measuring may read them, however many steps lie between."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from orchestrator.plan.model import StepOutput
from orchestrator.plan.outputs import outputs_of
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.plan.links import StepLinks
    from orchestrator.plan.resolve import Resolved
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec, StepSpec


def training_never_reads_test_rows(
    spec: PipelineSpec,
    order: tuple[str, ...],
    links: Mapping[str, StepLinks],
    resolved: Mapping[tuple[str, str], Resolved],
    findings: Findings,
) -> None:
    """Refuse training, and fitting of baselines, on sealed rows or on what was made from them.

    Args:
        spec: The spec.
        order: Its steps, each after what it reads.
        links: What each step names.
        resolved: Step and field to where that really comes from.
        findings: Where problems go.
    """
    sealed: dict[StepOutput, StepOutput] = {}
    """Each output that holds sealed rows to the `test` output they came from."""
    for name in order:
        step = spec.steps[name]
        if isinstance(step, DatasetSpec):
            output = StepOutput(name, "test")
            sealed[output] = output
        for link in links[name].links:
            source = resolved[name, link.read.field].source
            if not isinstance(source, StepOutput) or source not in sealed:
                continue
            origin = sealed[source]
            if link.read.field in _fits_on(step):
                made = "" if source == origin else f", made from ${origin.step}.test"
                findings.refuse(
                    f"steps.{name}.{link.read.field}",
                    f"'{link.read.text}' holds sealed test rows{made}",
                    f"Write '${origin.step}'; only `evaluate` may read the test rows.",
                )
            for made_output in _carries(step):
                sealed.setdefault(StepOutput(name, made_output), origin)


def _fits_on(spec: StepSpec) -> tuple[str, ...]:
    match spec:
        case TrainSpec():
            return ("data",)
        case EvaluateSpec():
            return ("train_data",)
        case ProcessingSpec() | DatasetSpec() | GateSpec() | RegisterSpec():
            return ()
        case _:
            assert_never(spec)


def _carries(spec: StepSpec) -> tuple[str, ...]:
    match spec:
        case ProcessingSpec() | DatasetSpec():
            return outputs_of(spec)
        case EvaluateSpec():
            return ("samples",)
        case TrainSpec() | GateSpec() | RegisterSpec():
            return ()
        case _:
            assert_never(spec)
