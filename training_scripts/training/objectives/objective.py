"""What the loop asks of an objective; a new one is a file of its own in this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training_scripts.data.packing import PackedSequences
    from training_scripts.data.rows import Row
    from training_scripts.training.batches import MicroBatch
    from training_scripts.training.loop import Run
    from training_scripts.training.settings import TrainSettings


class Objective(Protocol):
    """How rows become sequences, which loss is taken on them, and what is told of it."""

    noun: ClassVar[str]
    """What a sequence is, for the log: `sequences`, `pairs`."""
    whole_sequences: ClassVar[bool]
    """Whether the documents of a sequence must meet in one micro-batch."""
    train_means: ClassVar[tuple[str, ...]]
    """What `train_sums` returns, the loss first; names as in `trainer_log.jsonl`."""
    eval_means: ClassVar[tuple[str, ...]]
    """What `eval_sums` returns, the loss first."""

    def pack(self, rows: Iterable[Row], tokenizer: Any, settings: TrainSettings) -> PackedSequences:
        """Return the rows of a split as sequences.

        Raises:
            JobFailure: If they are not rows of this objective, or too long.
        """

    def prepare(self, run: Run, total_steps: int) -> Run:
        """Return the run with what must be known of its model before the first step."""

    def count(self, packed: PackedSequences, sequences: Sequence[int]) -> int:
        """Return how many things in `sequences` the loss is a mean over."""

    def train_sums(self, model: Any, batch: MicroBatch, *, scale: float) -> tuple[Any, Any]:
        """Return the sum of losses, ready for `backward`, and the sums told of it, both scaled.

        The second is a tensor (train_means,) in float32 without gradient.
        """

    def eval_sums(self, model: Any, batch: MicroBatch) -> Sequence[float]:
        """Return the sums over `batch` of what validation tells."""
