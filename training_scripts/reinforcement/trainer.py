"""trl's RLOOTrainer or GRPOTrainer, told our settings, and watched: history, checkpoints, stops."""

from __future__ import annotations

import math
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from training_scripts.container import fail
from training_scripts.reinforcement.checkpoints import complete
from training_scripts.training.settings import accumulation_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training_scripts.reinforcement.length import LengthWatch
    from training_scripts.training.devices import World
    from training_scripts.training.history import History
    from training_scripts.training.settings import TrainSettings

    Rewards = Mapping[str, Callable[..., list[float | None]]]

TRAINERS = {"rloo": (RLOOTrainer, RLOOConfig), "grpo": (GRPOTrainer, GRPOConfig)}
_TOLD = {
    "reward": "reward",
    "reward_std": "reward_std",
    "kl": "kl",
    "entropy": "entropy",
    "completions/clipped_ratio": "completions_clipped",
}
"""Names of trl's metrics to those of our history."""


class Observer(TrainerCallback):
    """Writes the history, completes checkpoints, and stops the trainer when asked to."""

    def __init__(
        self, history: History, watch: LengthWatch, stop_requested: Callable[[], bool]
    ) -> None:
        self.history, self.watch, self.stop_requested = history, watch, stop_requested
        self.stopped = False
        self.since = perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Learn how many steps there will be."""
        del args, control
        self.history.total_steps = state.max_steps
        self.since = perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Record a row of training."""
        del args, control
        if "reward" not in logs or "loss" not in logs:
            return
        loss = logs["loss"]
        if not math.isfinite(loss):
            fail(f"step {state.global_step}: the loss is {loss}. Lower learning_rate.")
        now = perf_counter()
        seconds, self.since = now - self.since, now
        tokens = sum(self.watch.lengths)
        self.history.seconds += seconds
        self.history.tokens += tokens
        rate, norm = logs.get("learning_rate", 0.0), float(logs.get("grad_norm", 0.0))
        more = {**_told(logs), **self.watch.row()}
        self.history.train_row(state.global_step, loss, rate, norm, tokens / seconds, more)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and stop if the job was asked to stop."""
        del args, state
        if self.stop_requested():
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Complete the checkpoint with what only we know."""
        del control
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            complete(folder, self.state())

    def state(self) -> dict[str, Any]:
        """Return what must come back when the run goes on."""
        return {
            "rows": self.history.rows,
            "tokens": self.history.tokens,
            "seconds": self.history.seconds,
            "pairs": self.watch.pairs,
            "lengths": self.watch.lengths,
        }

    def take_over(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.history.rows = list(state["rows"])
        self.history.tokens, self.history.seconds = state["tokens"], state["seconds"]
        self.watch.pairs = [(reward, length) for reward, length in state["pairs"]]
        self.watch.lengths = list(state["lengths"])


def make_trainer(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    rewards: Rewards,
    settings: TrainSettings,
    world: World,
    folder: Path,
    observer: Observer,
) -> Any:
    """Return trl's trainer of `settings.objective`, ready to train.

    Args:
        model: A causal language model, or the PEFT model around one.
        tokenizer: Its own.
        rows: Each with `prompt`, and the columns that functions get.
        rewards: Name to reward; `settings.rewards` has their weights.
        settings: Of the job.
        world: The processes that train together.
        folder: Where checkpoints go.
        observer: Sees what happens.
    """
    trainer, config = TRAINERS[settings.objective]
    watched = _watched(rewards, settings, observer.watch)
    made = trainer(
        model=model,
        reward_funcs=watched,
        args=config(**_arguments(settings, world, folder)),
        train_dataset=Dataset.from_list([dict(row) for row in rows]),
        processing_class=tokenizer,
        callbacks=[observer],
    )
    made.remove_callback(PrinterCallback)  # Our history prints already.
    if "ref" in getattr(model, "peft_config", {}):
        # trl copies the adapter as its reference; without it, it takes the model without adapter,
        # which is the same: a new adapter changes nothing. And the copy would be saved too.
        model.delete_adapter("ref")
    return made


def _arguments(settings: TrainSettings, world: World, folder: Path) -> dict[str, Any]:
    on_cpu = world.device.type == "cpu"
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": accumulation_steps(settings, world.size),
        "num_train_epochs": settings.num_train_epochs,
        "max_steps": settings.max_steps,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler_type,
        # Below 1 it is a share of all steps.
        "warmup_steps": min(settings.warmup_ratio, 0.999),
        "weight_decay": settings.weight_decay,
        "adam_beta1": settings.adam_beta1,
        "adam_beta2": settings.adam_beta2,
        "max_grad_norm": settings.max_grad_norm,
        "seed": settings.seed,
        "bf16": settings.bf16 and not on_cpu,
        "use_cpu": on_cpu,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "beta": settings.beta,
        "num_generations": settings.num_generations,
        "max_completion_length": settings.max_completion_length,
        "temperature": settings.temperature,
        "reward_weights": [spec["weight"] for spec in settings.rewards.values()],
        "logging_steps": settings.logging_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": settings.save_steps or settings.eval_steps or 0.1,
        "save_total_limit": settings.save_total_limit,
        "report_to": [],
        "disable_tqdm": True,
    }


def _watched(
    rewards: Rewards, settings: TrainSettings, watch: LengthWatch
) -> list[Callable[..., list[float | None]]]:
    """The rewards in order; the last one tells the watch what all of them came to."""
    weights = [spec["weight"] for spec in settings.rewards.values()]
    sums: list[float] = []

    def wrapped(at: int, reward: Callable[..., list[float | None]]) -> Any:
        def call(**columns: Any) -> list[float | None]:
            values = reward(**columns)
            if at == 0:
                sums[:] = [0.0] * len(values)
            sums[:] = [
                total + weights[at] * (value or 0.0)
                for total, value in zip(sums, values, strict=True)
            ]
            if at == len(weights) - 1:
                lengths = [len(ids) for ids in columns["completion_ids"]]
                watch.see(sums, lengths, settings.num_generations)
            return values

        call.__name__ = reward.__name__
        return call

    return [wrapped(at, reward) for at, reward in enumerate(rewards.values())]


def _told(logs: Mapping[str, Any]) -> dict[str, float]:
    """What our history tells of trl's metrics."""
    told = {ours: logs[theirs] for theirs, ours in _TOLD.items() if logs.get(theirs) is not None}
    for name, value in logs.items():
        if name.startswith("rewards/") and name.endswith("/mean") and value is not None:
            told[name.removesuffix("/mean")] = value
    return {name: float(value) for name, value in told.items()}
