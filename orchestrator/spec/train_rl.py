"""What `train` learns from people's judgement: preferences, and rewards for what a model writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, Strict, StringConstraints

from orchestrator.catalog.methods import LORA_VARIANTS
from orchestrator.spec.fields import (
    Broken,
    ChannelName,
    Count,
    JobModel,
    Location,
    NonNegative,
    ParameterReference,
    Positive,
    SpecModel,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.spec.train import TrainSpec

Objective = Literal["pretrain", "continued_pretrain", "sft", "reward", "dpo", "kto", "rloo", "grpo"]
LossType = Literal["sigmoid", "hinge", "ipo", "robust", "kto", "apo_zero_unpaired"]
REINFORCED = ("rloo", "grpo")
"""Objectives that learn from a reward for what the model itself writes."""
LOSS_TYPES: Mapping[str, tuple[LossType, ...]] = {
    "dpo": ("sigmoid", "hinge", "ipo", "robust"),
    "kto": ("kto", "apo_zero_unpaired"),
}
"""Losses of each objective that has a choice, by TRL's name, its default first."""
# GRPOConfig of TRL 1.16 has 0, which measures no KL; arXiv:2402.03300 trains with 0.04.
BETAS = {"rloo": 0.05, "grpo": 0.04}
"""Default `beta` of objectives that differ from DPOConfig and KTOConfig of TRL 1.16."""

RewardFunction = Annotated[
    str, StringConstraints(pattern=r"^(\./|\.\./|/)[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*$")
]
"""`./rewards.py:exact_answer`: a file of the user's, relative to the spec, and a function in it."""


class RewardSpec(SpecModel):
    """One reward for a completion: what a reward model says of it, or a function of the user's."""

    model: Location | None = None
    """A reward model: `$step.model` of a step with `objective: reward`, or a location."""
    function: RewardFunction | None = None
    """`./rewards.py:NAME`; called as TRL calls its reward functions, returns a number for each."""
    weight: Annotated[float, Strict()] = 1.0
    """What the reward is multiplied by before all are added up."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield a reward that is both, or neither, or counts for nothing."""
        if (self.model is None) == (self.function is None):
            found = "neither is given" if self.model is None else "both are given"
            yield Broken(
                "model",
                f"a reward is a `model` or a `function`, and {found}",
                "Write `model: $step.model`, or `function: ./rewards.py:NAME`.",
            )
        if self.weight == 0:
            yield Broken("weight", "a weight of 0 leaves the reward out", "Remove the reward.")


class JudgementFields(JobModel):
    """Fields of `train` that only objectives with preferences or rewards read."""

    center_rewards_coefficient: NonNegative = 0.0
    """Pulls rewards towards a mean of 0 (`reward`; arXiv:2312.09244 takes 0.01)."""
    desirable_weight: Positive = 1.0
    """Weight of answers people want (`kto`)."""
    undesirable_weight: Positive = 1.0
    """Weight of answers people do not want (`kto`)."""
    rewards: dict[ChannelName, RewardSpec] = Field(default_factory=dict, max_length=15)
    """What `rloo` and `grpo` learn from: name to a `model` or `function`, and its `weight`."""
    num_generations: Annotated[int, Strict(), Field(ge=2)] = 8
    """Completions per prompt, compared with each other (`rloo`, `grpo`; GRPOConfig: 8)."""
    max_completion_length: Count | ParameterReference = 512
    """Tokens a completion may have (`rloo`, `grpo`; TRL's default: 512)."""
    temperature: Positive = 1.0
    """Of sampling (`rloo`, `grpo`; TRL's default: 1)."""


def default_beta(fields: dict[str, object]) -> float:
    """Return `beta` of a step that names none; `fields` are those validated so far."""
    return BETAS.get(str(fields.get("objective")), 0.1)


def default_loss_type(fields: dict[str, object]) -> LossType:
    """Return `loss_type` of a step that names none; `fields` are those validated so far."""
    return LOSS_TYPES.get(str(fields.get("objective")), LOSS_TYPES["dpo"])[0]


def broken_judgement_rules(spec: TrainSpec) -> Iterator[Broken]:
    """Yield what contradicts an objective that learns from preferences or rewards."""
    yield from _loss_is_of_the_objective(spec)
    yield from _rewards_are_read(spec)
    if spec.objective == "reward" and spec.method != "full":
        yield Broken(
            "method",
            f"a reward model gets a new output layer, and `method: {spec.method}` freezes it",
            "Write `method: full`.",
        )
    if spec.objective in REINFORCED and spec.method not in ("full", *LORA_VARIANTS):
        yield Broken(
            "method",
            f"trl's trainer of `objective: {spec.objective}` was tried with LoRA and its variants "
            f"only, not with `{spec.method}`",
            "Write `method: lora` or `method: full`.",
        )
    if spec.objective == "kto" and spec.loss_type == "kto":
        yield from _kl_is_estimated(spec)
    if spec.objective in REINFORCED:
        yield from _groups_are_whole(spec)


def _loss_is_of_the_objective(spec: TrainSpec) -> Iterator[Broken]:
    known = LOSS_TYPES.get(str(spec.objective))
    if known is not None and spec.loss_type not in known:
        yield Broken(
            "loss_type",
            f"`objective: {spec.objective}` has no loss {spec.loss_type!r}",
            f"Write one of {', '.join(known)}.",
        )


def _rewards_are_read(spec: TrainSpec) -> Iterator[Broken]:
    if spec.objective in REINFORCED and not spec.rewards:
        yield Broken(
            "rewards",
            f"`objective: {spec.objective}` learns from rewards and none is named",
            "Write `rewards: {helpful: {model: $reward.model}}`, or a function: "
            "`{exact: {function: ./rewards.py:exact}}`.",
        )
    if spec.rewards and spec.objective not in REINFORCED:
        yield Broken(
            "rewards",
            f"`objective: {spec.objective}` learns from no rewards",
            "Write `objective: grpo` or `objective: rloo`, or remove it.",
        )


def _kl_is_estimated(spec: TrainSpec) -> Iterator[Broken]:
    if spec.per_device_train_batch_size == 1:
        yield Broken(
            "per_device_train_batch_size",
            "`loss_type: kto` estimates the KL from the other rows of a batch, and there are none",
            "Write 2 or more, or `loss_type: apo_zero_unpaired`.",
        )


def _groups_are_whole(spec: TrainSpec) -> Iterator[Broken]:
    step, part = spec.global_batch_size, spec.per_device_train_batch_size
    if step is None and isinstance(part, int) and isinstance(spec.gradient_accumulation_steps, int):
        step = part * spec.gradient_accumulation_steps
    group = spec.num_generations
    if isinstance(step, int) and step % group:
        field = "global_batch_size" if spec.global_batch_size else "per_device_train_batch_size"
        yield Broken(
            field,
            f"{step} completions per step are not a multiple of num_generations ({group})",
            f"Write `global_batch_size: {max(round(step / group), 1) * group}`, or another "
            "`num_generations`.",
        )
    longest, written = spec.max_length, spec.max_completion_length
    if isinstance(longest, int) and isinstance(written, int) and written >= longest:
        yield Broken(
            "max_completion_length",
            f"{written} leaves no room for a prompt within max_length ({longest})",
            f"Write {max(longest // 2, 1)}.",
        )
