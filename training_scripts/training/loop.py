"""The training loop: accumulate, clip, step, validate, checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.tracking.reporting import Reporting
from training_scripts.training.batches import batch_of_step, micro_batches
from training_scripts.training.history import History
from training_scripts.training.optimizer import MasterAdamW
from training_scripts.training.schedule import count_steps, learning_rate_factor
from training_scripts.training.settings import accumulation_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from training_scripts.checkpoints.store import CheckpointStore
    from training_scripts.data.packing import PackedSequences
    from training_scripts.methods.budget import RankBudget
    from training_scripts.training.batches import MicroBatch
    from training_scripts.training.devices import World
    from training_scripts.training.objectives.objective import Objective
    from training_scripts.training.settings import TrainSettings

_CPU_TOKENS = 4096
"""Tokens per forward pass on a CPU; more only costs memory. The optimizer step is the same."""


class Interrupted(Exception):  # noqa: N818 no error: somebody asked the job to stop
    """The job was asked to stop; the text says what is saved."""


@dataclass(frozen=True)
class Run:
    """Everything one training run needs."""

    model: Any
    """transformers (or PEFT) causal language model on the world's device; what has
    `requires_grad` is trained, in place."""
    train: PackedSequences
    validation: PackedSequences | None
    settings: TrainSettings
    objective: Objective
    dtype: Any
    """What computes: torch.bfloat16 or torch.float32."""
    world: World
    checkpoints: CheckpointStore
    clock: Callable[[], float]
    """Seconds, never going back."""
    stop_requested: Callable[[], bool]
    reporting: Reporting = field(default_factory=Reporting)
    """The trackers; none, unless this process reports for all."""
    budget: RankBudget | None = None
    """For AdaLoRA alone."""

    @property
    def global_batch_size(self) -> int:
        """Sequences per optimizer step, over all devices."""
        settings, devices = self.settings, self.world.size
        micro = settings.per_device_train_batch_size * devices
        return micro * accumulation_steps(settings, devices)


@dataclass(frozen=True)
class Trained:
    """How a run ended."""

    history: History
    master_weights: dict[str, Any]
    """The trained parameters in float32, by name."""


def train(run: Run) -> Trained:
    """Train to the end, from the newest checkpoint if there is one.

    Raises:
        Interrupted: If `run.stop_requested` said so.
        JobFailure: If the loss is not finite.
    """
    settings = run.settings
    total = count_steps(
        len(run.train), run.global_batch_size, settings.num_train_epochs, settings.max_steps
    )
    eval_steps = settings.eval_steps or max(1, total // 10)
    save_steps = settings.save_steps or eval_steps
    history = History(total, prints=run.world.is_main, tell=run.reporting.log)
    optimizer = MasterAdamW(run.model, run.dtype, settings)
    # Before a checkpoint is loaded: of the model as it was when training began.
    run = run.objective.prepare(run, total)
    if run.budget is not None:
        run.budget.begin(total)
    progress = _Progress(run, optimizer, history)
    done_before = progress.resume()
    run.reporting.start(done_before, history.rows)
    run.model.train()
    for step in range(done_before, total):
        progress.take_step(step)
        done = step + 1
        if run.validation is not None and (done % eval_steps == 0 or done == total):
            progress.history.eval_row(done, validate(run, run.validation))
        if done % save_steps == 0:
            progress.save(done)
    return Trained(progress.history, progress.optimizer.master_weights(run.model))


def validate(run: Run, packed: PackedSequences) -> dict[str, float]:
    """Return the means over `packed` that the objective tells of, by name, the loss first."""
    import torch

    objective, every = run.objective, range(len(packed))
    totals = torch.zeros(len(objective.eval_means), dtype=torch.float64)
    run.model.eval()
    with torch.no_grad():
        for batch in own_batches(run, packed, every, run.settings.per_device_eval_batch_size):
            totals += torch.tensor(objective.eval_sums(run.model, batch), dtype=torch.float64)
    run.model.train()
    totals = totals.to(run.world.device)
    run.world.sum(totals)
    count = max(objective.count(packed, every), 1)
    return {
        name: total / count
        for name, total in zip(objective.eval_means, totals.tolist(), strict=True)
    }


def own_batches(
    run: Run, packed: PackedSequences, sequences: Sequence[int], size: int
) -> Iterator[MicroBatch]:
    """Yield this process's share of `sequences` as micro-batches on its device."""
    mine = sequences[run.world.rank :: run.world.size]
    on_cpu = run.world.device.type == "cpu"
    batches = micro_batches(
        packed,
        mine,
        size=size,
        max_tokens=_CPU_TOKENS if on_cpu else None,
        whole_sequences=run.objective.whole_sequences,
    )
    for batch in batches:
        yield batch if on_cpu else batch.to(run.world.device)


@dataclass
class _Pace:
    """What happened since the last row about training."""

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    """How many labels or pairs the sums are over."""
    tokens: int = 0
    seconds: float = 0.0


class _Progress:
    """What changes while a run goes on."""

    def __init__(self, run: Run, optimizer: MasterAdamW, history: History) -> None:
        self.run, self.optimizer, self.history = run, optimizer, history
        self.pace = _Pace()

    def take_step(self, step: int) -> None:
        """Take optimizer step `step`, from 0."""
        run, started = self.run, self.run.clock()
        sequences = batch_of_step(len(run.train), run.global_batch_size, step, run.settings.seed)
        count = run.objective.count(run.train, sequences)
        # Before the batches: a process may have none in an epoch's last step, but must vote.
        if run.world.size > 1:
            self._stop_if_asked(step)
        means = self._accumulate(step, sequences, count)
        loss = means["loss"]
        if not math.isfinite(loss):
            fail(
                f"step {step + 1}: the loss is {loss}. "
                f"Lower learning_rate (it is {run.settings.learning_rate}) or raise warmup_ratio."
            )
        learning_rate = run.settings.learning_rate * learning_rate_factor(
            run.settings.lr_scheduler_type,
            step,
            total_steps=self.history.total_steps,
            warmup_ratio=run.settings.warmup_ratio,
        )
        budget = run.budget
        norm = self.optimizer.step(
            learning_rate, run.world, None if budget is None else lambda: budget.after_step(step)
        )
        tokens = sum(sum(run.train.document_lengths[sequence]) for sequence in sequences)
        self._record(step + 1, means, count, tokens, run.clock() - started, learning_rate, norm)

    def resume(self) -> int:
        """Take over the newest checkpoint; return how many steps are done."""
        checkpoint = self.run.checkpoints.load_latest()
        self._all_resume_after(checkpoint.step if checkpoint else 0)
        if checkpoint is None:
            return 0
        if checkpoint.state["parameters"] != list(self.optimizer.names):
            fail("checkpoints: the newest is of another model. Remove it, or train elsewhere.")
        self.optimizer.load_tensors(checkpoint.tensors)
        state = checkpoint.state
        if self.run.budget is not None:
            self.run.budget.load(state["kept_ranks"], checkpoint.tensors)
        self.history.rows = list(state["rows"])
        self.history.tokens, self.history.seconds = state["tokens"], state["seconds"]
        self.pace = _Pace(**state["pace"])
        if self.run.world.is_main:
            print(f"Resuming after step {checkpoint.step} of {self.history.total_steps}.")
        return checkpoint.step

    def save(self, step: int) -> None:
        """Save a checkpoint of `step` steps done."""
        if self.run.world.is_main:
            state = {
                "parameters": list(self.optimizer.names),
                "rows": self.history.rows,
                "tokens": self.history.tokens,
                "seconds": self.history.seconds,
                "pace": vars(self.pace),
            }
            tensors = self.optimizer.tensors()
            if self.run.budget is not None:
                state["kept_ranks"] = self.run.budget.kept_ranks()
                tensors |= self.run.budget.tensors()
            self.run.checkpoints.save(step, state, tensors)
        self.run.world.wait()

    def _all_resume_after(self, step: int) -> None:
        """Fail if another process, perhaps on a host without the checkpoint, found another."""
        import torch

        world = self.run.world
        steps = torch.zeros(world.size, dtype=torch.float64, device=world.device)
        steps[world.rank] = step
        world.sum(steps)
        if steps.unique().numel() > 1:
            fail(
                f"checkpoints: the processes found different ones (steps "
                f"{', '.join(f'{found:.0f}' for found in steps.tolist())}). Remove the run's "
                "folder of checkpoints, or give every host the same."
            )

    def _accumulate(self, step: int, sequences: list[int], count: int) -> dict[str, float]:
        """Add up the gradients of `sequences`; return the means of the step, of all devices."""
        import torch

        run = self.run
        # Seeded by the step alone, so that a resumed run draws the same dropout.
        torch.manual_seed(hash((run.settings.seed, step, run.world.rank)) % (1 << 63))
        names = run.objective.train_means
        totals = torch.zeros(len(names), dtype=torch.float32, device=run.world.device)
        size = run.settings.per_device_train_batch_size
        for batch in own_batches(run, run.train, sequences, size):
            if run.world.size == 1:
                self._stop_if_asked(step)
            loss, sums = run.objective.train_sums(run.model, batch, scale=1.0 / max(count, 1))
            loss.backward()
            self.optimizer.accumulate()
            totals += sums
        if run.budget is not None and run.world.is_main:
            run.budget.penalty().backward()
            self.optimizer.accumulate()
        run.world.sum(totals)
        return dict(zip(names, totals.tolist(), strict=True))

    def _stop_if_asked(self, step: int) -> None:
        import torch

        asked = self.run.stop_requested()
        if self.run.world.size > 1:
            # All processes must stop at the same place, or the others would wait for ever.
            votes = torch.tensor(float(asked), device=self.run.world.device)
            self.run.world.sum(votes)
            asked = bool(votes.item())
        if asked:
            self.optimizer.discard_gradients()
            self.save(step)
            message = "a checkpoint is saved"
            raise Interrupted(message)

    def _record(
        self,
        done: int,
        means: dict[str, float],
        count: int,
        tokens: int,
        seconds: float,
        learning_rate: float,
        norm: float,
    ) -> None:
        self.history.tokens += tokens
        self.history.seconds += seconds
        pace = self.pace
        for name, mean in means.items():
            pace.sums[name] = pace.sums.get(name, 0.0) + mean * count
        pace.count += count
        pace.tokens += tokens
        pace.seconds += seconds
        logging_steps = self.run.settings.logging_steps
        if done % logging_steps == 0 or done in {1, self.history.total_steps}:
            speed = pace.tokens / max(pace.seconds, 1e-9)
            told = {name: total / max(pace.count, 1) for name, total in pace.sums.items()}
            self.history.train_row(done, told.pop("loss"), learning_rate, norm, speed, told)
            self.pace = _Pace()
