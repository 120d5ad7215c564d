"""What the objective of a training means for its data and for its other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.methods import idle_method_settings
from orchestrator.plan.model import StepOutput
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.train import TrainSpec
from orchestrator.spec.train_rl import REINFORCED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.plan.resolve import Resolver
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec

READ_BY_OBJECTIVES: Mapping[str, tuple[str, ...]] = {
    "packing": ("pretrain", "continued_pretrain", "sft"),
    "completion_only_loss": ("sft", "pretrain", "continued_pretrain"),
    "beta": ("dpo", "kto", "rloo", "grpo"),
    "loss_type": ("dpo", "kto"),
    "label_smoothing": ("dpo",),
    "center_rewards_coefficient": ("reward",),
    "desirable_weight": ("kto",),
    "undesirable_weight": ("kto",),
    "num_generations": REINFORCED,
    "max_completion_length": REINFORCED,
    "temperature": REINFORCED,
    "truncate": ("pretrain", "continued_pretrain", "sft", "reward", "dpo", "kto"),
}
"""Fields of `train` to the objectives that read them; the others have no use for them."""
PAIRED = ("reward", "dpo")
"""Objectives that learn from pairs alone."""
ANSWERED = ("pretrain", "continued_pretrain", "sft")
"""Objectives that learn from one answer a row; those that are left take either."""


def settings_have_effect(spec: PipelineSpec, findings: Findings) -> None:
    """Warn about settings that mean nothing under a training's method or objective."""
    for name, step in spec.steps.items():
        if not isinstance(step, TrainSpec):
            continue
        for field, because, fix in _without_effect(step):
            if field in step.model_fields_set:
                findings.warn(f"steps.{name}.{field}", f"it has no effect with {because}", fix)


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
        paired = made.format == "preference"
        if step.objective not in (ANSWERED if paired else PAIRED):
            continue
        other = "sft" if step.objective in PAIRED else "dpo"
        wanted = "preference" if step.objective in PAIRED else "auto"
        findings.refuse(
            f"steps.{name}.objective",
            f"`{step.objective}` cannot learn from '{step.data}', whose rows are of "
            f"`format: {made.format}`",
            f"Write `objective: {other}`, or `format: {wanted}` with rows that fit.",
        )


def _without_effect(step: TrainSpec) -> Iterator[tuple[str, str, str]]:
    """Yield field, what makes it idle, and the cure."""
    yield from idle_method_settings(step)
    if step.replay_data is None:
        yield "replay_share", "`replay_data` unset", "Set `replay_data`, or remove it."
    for field, readers in READ_BY_OBJECTIVES.items():
        if step.objective not in readers:
            cure = f"Write `objective: {readers[0]}`, or remove it."
            kept = field in ("packing", "completion_only_loss", "truncate")
            yield field, f"`objective: {step.objective}`", "Remove it." if kept else cure
