"""What each step kind makes: its outputs, which of them is the main one, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_never

from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from orchestrator.spec.pipeline import StepSpec

Content = Literal["data", "model", "metrics", "files", "arn"]


def outputs_of(spec: StepSpec) -> tuple[str, ...]:
    """Return the names of what the step makes, the main output first where it has one."""
    match spec:
        case ProcessingSpec():
            return tuple(spec.outputs)
        case DatasetSpec():
            return ("data", "test", "metrics")
        case TrainSpec():
            return ("model",)
        case EvaluateSpec():
            return ("model", "metrics", "samples")
        case GateSpec():
            return tuple(spec.passes)
        case RegisterSpec():
            return ("model_package_arn",)
        case _:
            assert_never(spec)


def main_output(spec: StepSpec) -> str | None:
    """Return the output that `$step` alone means; None where that would be a guess.

    A processing or gate step has one only if it has a single output, `metrics` left aside.
    """
    names = outputs_of(spec)
    if isinstance(spec, ProcessingSpec | GateSpec):
        names = tuple(name for name in names if name != "metrics")
        return names[0] if len(names) == 1 else None
    return names[0]


def content_of(spec: StepSpec, output: str) -> Content:
    """Return what the output holds; `files` where only the user's script knows."""
    if output == "metrics":
        return "metrics"
    match spec:
        case ProcessingSpec():
            return "files"
        case DatasetSpec():
            return "data"
        case TrainSpec():
            return "model"
        case EvaluateSpec():
            return "model" if output == "model" else "data"
        case GateSpec():
            return "files"
        case RegisterSpec():
            return "arn"
        case _:
            assert_never(spec)


def has_metrics(spec: StepSpec) -> bool:
    """Return whether the step writes a `metrics.json` that gates can read."""
    match spec:
        case ProcessingSpec():
            return "metrics" in spec.outputs
        case DatasetSpec() | TrainSpec() | EvaluateSpec():
            return True
        case GateSpec() | RegisterSpec():
            return False
        case _:
            assert_never(spec)


def examined(spec: StepSpec) -> dict[str, str]:
    """Return the outputs that re-export what the step reads: name to the field that names it."""
    match spec:
        case EvaluateSpec():
            return {"model": "model"}
        case GateSpec():
            return {name: f"passes.{name}" for name in spec.passes}
        case ProcessingSpec() | DatasetSpec() | TrainSpec() | RegisterSpec():
            return {}
        case _:
            assert_never(spec)
