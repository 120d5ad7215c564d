"""What each step kind reads: fields that name data, models or values of other steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.spec.pipeline import StepSpec

Wanted = Literal["data", "model", "metrics", "files", "value", "anything"]


@dataclass(frozen=True)
class Read:
    """One field that names what a step reads."""

    field: str
    """Relative to the step: `data`, `inputs.rows`."""
    text: str
    """As written."""
    wanted: Wanted
    channel: str | None = None
    """The input channel that it fills; None where it fills none."""


def reads_of(spec: StepSpec) -> tuple[Read, ...]:
    """Return everything that the step reads, its gates' metrics left aside."""
    return tuple(_reads(spec))


def metrics_read_by(spec: StepSpec) -> Iterator[tuple[str, str]]:
    """Yield field and text of every `$step.metrics.NAME` of a gate step."""
    if not isinstance(spec, GateSpec):
        return
    for index, condition in enumerate(spec.conditions):
        named = {"metric": condition.metric, "min": condition.min, "max": condition.max}
        for name, value in named.items():
            if isinstance(value, str) and not value.startswith("$params."):
                yield f"conditions[{index}].{name}", value


def _reads(spec: StepSpec) -> Iterator[Read]:
    match spec:
        case ProcessingSpec():
            yield from _processing_reads(spec)
        case DatasetSpec():
            yield Read("data", spec.data, "data", "data")
        case TrainSpec():
            yield Read("data", spec.data, "data", "data")
            yield from _optional("model_name_or_path", spec.model_name_or_path, "model", "model")
        case EvaluateSpec():
            yield Read("model", spec.model, "model", "model")
            yield Read("data", spec.data, "data", "data")
            yield from _optional("base_model", spec.base_model, "model", "base_model")
            yield from _optional("train_data", spec.train_data, "data", "train_data")
        case GateSpec():
            for name, text in spec.passes.items():
                yield Read(f"passes.{name}", text, "anything")
        case RegisterSpec():
            yield Read("model", spec.model, "model", "model")
            yield from _optional("metrics", spec.metrics, "metrics", "metrics")
        case _:
            assert_never(spec)


def _processing_reads(spec: ProcessingSpec) -> Iterator[Read]:
    for name, text in spec.inputs.items():
        yield Read(f"inputs.{name}", text, "files", name)
    for name, value in spec.arguments.items():
        if isinstance(value, str) and value.startswith("$"):
            yield Read(f"arguments.{name}", value, "value")


def _optional(field: str, text: str | None, wanted: Wanted, channel: str) -> Iterator[Read]:
    if text is not None:
        yield Read(field, text, wanted, channel)
