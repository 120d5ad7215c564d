"""The next token: pre-training, continued pre-training, and fine-tuning on completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from training_scripts.data.packing import pack
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.training.batches import count_labels
from training_scripts.training.forward import batch_loss, batch_losses_and_hits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training_scripts.data.packing import PackedSequences
    from training_scripts.data.rows import Row
    from training_scripts.data.tokenized import TooLong
    from training_scripts.training.batches import MicroBatch
    from training_scripts.training.loop import Run
    from training_scripts.training.settings import TrainSettings


class NextToken:
    """Cross-entropy, as a mean over the learned tokens."""

    noun: ClassVar[str] = "sequences"
    whole_sequences: ClassVar[bool] = False
    train_means: ClassVar[tuple[str, ...]] = ("loss",)
    eval_means: ClassVar[tuple[str, ...]] = ("loss", "accuracy")

    def pack(self, rows: Iterable[Row], tokenizer: Any, settings: TrainSettings) -> PackedSequences:
        """Return the rows tokenized and packed."""
        is_sft = settings.objective == "sft"
        too_long: TooLong = "split"
        if is_sft:
            too_long = "truncate" if settings.truncate else "refuse"
        tokenized = tokenize_rows(
            rows,
            tokenizer,
            max_length=settings.max_length,
            completion_only_loss=settings.completion_only_loss and is_sft,
            too_long=too_long,
        )
        return pack(
            tokenized,
            settings.max_length,
            strategy="best_fit" if settings.packing else "none",
            pad_token_id=tokenizer.pad_token_id,
        )

    def prepare(self, run: Run, total_steps: int) -> Run:
        """Return the run: nothing must be known before."""
        del total_steps
        return run

    def count(self, packed: PackedSequences, sequences: Sequence[int]) -> int:
        """Return how many tokens are learned."""
        return count_labels(packed, sequences)

    def train_sums(self, model: Any, batch: MicroBatch, *, scale: float) -> tuple[Any, Any]:
        """Return the scaled loss twice."""
        loss = batch_loss(model, batch, scale=scale)
        return loss, loss.detach().reshape(1)

    def eval_sums(self, model: Any, batch: MicroBatch) -> Sequence[float]:
        """Return the sum of cross-entropies, and of how many labels the likeliest is right."""
        return batch_losses_and_hits(model, batch)
