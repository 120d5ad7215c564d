"""What the objective of a training means for its data and for its other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.methods import idle_method_settings
from orchestrator.plan.model import StepOutput
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.plan.resolve import Resolver
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec

PREFERENCE_ONLY = ("beta", "loss_type", "label_smoothing")
NOT_FOR_PREFERENCES = ("packing", "completion_only_loss")
"""A pair is a sequence of its own, and its loss is always that of the answers."""


def settings_have_effect(spec: PipelineSpec, findings: Findings) -> None:
    """Warn about settings that mean nothing under a training's method or objective."""
    for name, step in spec.steps.items():
        if not isinstance(step, TrainSpec):
            continue
        for field, because, fix in _without_effect(step):
            if field in step.model_fields_set:
                findings.warn(f"steps.{name}.{field}", f"it has no effect with `{because}`", fix)


def data_fit_objectives(resolver: Resolver, findings: Findings) -> None:
    """Refuse preferences where completions are learned, and the other way round."""
    for name, step in resolver.spec.steps.items():
        if not isinstance(step, TrainSpec):
            continue
        data = resolver.resolved.get((name, "data"))
        source = data.source if data else None
        made = resolver.spec.steps[source.step] if isinstance(source, StepOutput) else None
        if not isinstance(made, DatasetSpec) or made.format == "auto":
            continue
        if (step.objective == "dpo") == (made.format == "preference"):
            continue
        other = "sft" if step.objective == "dpo" else "dpo"
        wanted = "preference" if step.objective == "dpo" else "auto"
        findings.refuse(
            f"steps.{name}.objective",
            f"`{step.objective}` cannot learn from '{step.data}', whose rows are of "
            f"`format: {made.format}`",
            f"Write `objective: {other}`, or `format: {wanted}` with rows that fit.",
        )


def _without_effect(step: TrainSpec) -> Iterator[tuple[str, str, str]]:
    """Yield field, what makes it idle, and the cure."""
    yield from idle_method_settings(step)
    if step.objective == "dpo":
        for field in NOT_FOR_PREFERENCES:
            yield field, "objective: dpo", "Remove it."
    else:
        for field in PREFERENCE_ONLY:
            yield field, f"objective: {step.objective}", "Write `objective: dpo`, or remove it."
