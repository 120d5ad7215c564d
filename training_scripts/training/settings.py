"""What a training job was told, typed. Defaults live in the spec; a job gets every value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.smoke import tiny

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training_scripts.smoke import Smoke


@dataclass(frozen=True)
class TrainSettings:
    """The fields of the spec's kind `train` that a job reads, under the same names."""

    objective: str
    method: str
    max_length: int
    packing: bool
    truncate: bool
    completion_only_loss: bool
    per_device_train_batch_size: int
    per_device_eval_batch_size: int
    gradient_accumulation_steps: int
    num_train_epochs: float
    max_steps: int
    learning_rate: float
    lr_scheduler_type: str
    warmup_ratio: float
    weight_decay: float
    adam_beta1: float
    adam_beta2: float
    max_grad_norm: float
    seed: int
    bf16: bool
    gradient_checkpointing: bool
    attn_implementation: str
    lora_r: int
    lora_alpha: int
    lora_dropout: float
    target_modules: str | tuple[str, ...] | None
    merge_adapter: bool
    beta: float
    loss_type: str
    label_smoothing: float
    center_rewards_coefficient: float
    desirable_weight: float
    undesirable_weight: float
    rewards: dict[str, dict[str, Any]]
    num_generations: int
    max_completion_length: int
    temperature: float
    logging_steps: int
    save_total_limit: int
    global_batch_size: int | None = None
    eval_steps: int | None = None
    save_steps: int | None = None
    architecture: dict[str, Any] | None = None
    tokenizer: dict[str, Any] | None = None
    replay_share: float = 0.0
    method_config: Mapping[str, Any] = field(default_factory=dict)


_LOSS_TYPES = {
    "dpo": ("sigmoid", "hinge", "ipo", "robust"),
    "kto": ("kto", "apo_zero_unpaired"),
}
_POSITIVE = (
    "max_length",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "logging_steps",
    "save_total_limit",
    "lora_r",
    "max_completion_length",
)
_TINY_BLOCKS: Mapping[str, Mapping[str, int]] = {
    "c3a": {"block_size": 8},
    "oft": {"oft_block_size": 8},
    "road": {"group_size": 8},
    "vblora": {"vector_length": 8},
}
"""What divides the layers of a tiny model, where peft's defaults do not."""
_RANKS = ("r", "rank", "init_r", "target_r")
_POSITIVE_IF_SET = ("global_batch_size", "eval_steps", "save_steps")
_NOT_NEGATIVE = (
    "learning_rate",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "lora_dropout",
    "label_smoothing",
)


def read_settings(values: Mapping[str, Any], smoke: Smoke | None = None) -> TrainSettings:
    """Return the settings of a job, with the caps of a smoke run if it is one.

    Raises:
        JobFailure: If settings are missing or out of range; names all of them.
    """
    known = {member.name for member in fields(TrainSettings)}
    optional = {
        *_POSITIVE_IF_SET,
        *("architecture", "tokenizer", "replay_share", "method_config"),
    }
    missing = sorted(known - set(values) - optional)
    if missing:
        fail(f"settings: {', '.join(missing)} missing. Write them into config.json.")
    settings = TrainSettings(**{name: values[name] for name in known if name in values})
    problems = [
        *_range_problems(settings),
        *_preference_problems(settings),
        *_choice_problems(settings),
    ]
    if problems:
        fail("\n".join(problems))
    return in_smoke(settings, smoke) if smoke else settings


def in_smoke(settings: TrainSettings, smoke: Smoke) -> TrainSettings:
    """Return the settings of the same training in a smoke run: a few small steps, two of each."""
    steps = smoke.steps if settings.max_steps == -1 else min(smoke.steps, settings.max_steps)
    half = max(1, steps // 2)
    return replace(
        settings,
        max_steps=steps,
        per_device_train_batch_size=min(2, settings.per_device_train_batch_size),
        per_device_eval_batch_size=min(2, settings.per_device_eval_batch_size),
        gradient_accumulation_steps=min(2, settings.gradient_accumulation_steps),
        global_batch_size=None,
        eval_steps=half,
        save_steps=half,
        logging_steps=max(1, min(settings.logging_steps, steps // 4)),
        lora_r=min(8, settings.lora_r),
        num_generations=2,
        max_completion_length=min(16, settings.max_completion_length),
        method_config=_in_tiny_layers(settings.method, settings.method_config),
        architecture=tiny(settings.architecture) if settings.architecture else None,
    )


def _in_tiny_layers(method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A method's config with ranks, blocks and layers that a tiny model has, for a few steps."""
    small = {
        name: min(8, value) if name in _RANKS and type(value) is int else value
        for name, value in config.items()
        if name not in {"layers", "layers_to_transform", "tinit", "tfinal"}
    }
    if "adapter_layers" in small:
        small["adapter_layers"] = 1
    return {**small, **_TINY_BLOCKS.get(method, {})}


def accumulation_steps(settings: TrainSettings, world_size: int) -> int:
    """Return how many micro-batches per device make one optimizer step.

    Raises:
        JobFailure: If `global_batch_size` is not a whole number of micro-batches.
    """
    if settings.global_batch_size is None:
        return settings.gradient_accumulation_steps
    at_once = settings.per_device_train_batch_size * world_size
    if settings.global_batch_size % at_once:
        nearest = max(1, round(settings.global_batch_size / at_once)) * at_once
        fail(
            f"global_batch_size: {settings.global_batch_size} is not a multiple of {at_once} "
            f"({settings.per_device_train_batch_size} per device x {world_size} devices). "
            f"Use {nearest}."
        )
    return settings.global_batch_size // at_once


def _range_problems(settings: TrainSettings) -> list[str]:
    problems = []
    for name in (*_POSITIVE, *_POSITIVE_IF_SET):
        value = getattr(settings, name)
        if value is not None and value <= 0:
            problems.append(f"{name}: {value} is not above 0. Write 1 or more.")
    for name in _NOT_NEGATIVE:
        if getattr(settings, name) < 0:
            problems.append(f"{name}: {getattr(settings, name)} is negative. Write 0 or more.")
    if not 0 <= settings.replay_share < 1:
        problems.append(
            f"replay_share: {settings.replay_share} leaves nothing to learn. Write 0.1."
        )
    if settings.max_steps <= 0 and settings.max_steps != -1:
        problems.append(
            f"max_steps: {settings.max_steps} optimizer steps train nothing. "
            "Write 1 or more, or -1 for num_train_epochs."
        )
    if settings.max_steps == -1 and settings.num_train_epochs <= 0:
        problems.append(
            f"num_train_epochs: {settings.num_train_epochs} passes train nothing. "
            "Write a number above 0."
        )
    return problems


def _preference_problems(settings: TrainSettings) -> list[str]:
    problems = []
    if settings.beta <= 0:
        problems.append(f"beta: {settings.beta} is not above 0. Write 0.1.")
    if settings.label_smoothing >= 0.5:
        problems.append(
            f"label_smoothing: {settings.label_smoothing} is a share of wrong labels that leaves "
            "nothing to learn. Write a number below 0.5."
        )
    return problems


def _choice_problems(settings: TrainSettings) -> list[str]:
    problems = []
    choices = {
        "objective": (
            *("pretrain", "continued_pretrain", "sft"),
            *("reward", "dpo", "kto", "rloo", "grpo"),
        ),
        "lr_scheduler_type": ("cosine", "linear", "constant", "constant_with_warmup"),
        "loss_type": _LOSS_TYPES.get(settings.objective, _LOSS_TYPES["dpo"]),
        "attn_implementation": ("auto", "sdpa", "eager", "flash_attention_2"),
    }
    for name, allowed in choices.items():
        value = getattr(settings, name)
        if value not in allowed:
            problems.append(f"{name}: {value!r} is unknown. Write one of {', '.join(allowed)}.")
    if settings.objective == "pretrain" and settings.method != "full":
        problems.append(
            f"method: {settings.method!r} needs a trained model to adapt, and objective 'pretrain' "
            "starts from none. Write full."
        )
    return problems
