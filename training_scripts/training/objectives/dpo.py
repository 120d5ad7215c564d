"""DPO: the chosen answer becomes likelier than the rejected one (arXiv:2305.18290).

Losses and names are those of trl's DPOTrainer. The reference is the model before its first step,
asked once for all answers, so that no second model stays in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from training_scripts.training.forward import document_log_likelihoods
from training_scripts.training.objectives.pairs import pack_pairs, places_of_pairs
from training_scripts.training.objectives.reference import with_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training_scripts.data.packing import PackedSequences
    from training_scripts.data.rows import Row
    from training_scripts.training.batches import MicroBatch
    from training_scripts.training.loop import Run
    from training_scripts.training.settings import TrainSettings

_MEANS = (
    "loss",
    "rewards/chosen",
    "rewards/rejected",
    "rewards/accuracies",
    "rewards/margins",
)


@dataclass(frozen=True)
class DPO:
    """A loss of how much more the model prefers the chosen answer than the reference does."""

    beta: float
    loss_type: str
    """As in trl: `sigmoid`, `hinge`, `ipo`, `robust`."""
    label_smoothing: float

    noun: ClassVar[str] = "pairs"
    whole_sequences: ClassVar[bool] = True
    train_means: ClassVar[tuple[str, ...]] = _MEANS
    eval_means: ClassVar[tuple[str, ...]] = _MEANS

    def pack(self, rows: Iterable[Row], tokenizer: Any, settings: TrainSettings) -> PackedSequences:
        """Return a sequence a row: the prompt with the chosen answer, then with the rejected."""
        return pack_pairs(rows, tokenizer, settings)

    def prepare(self, run: Run, total_steps: int) -> Run:
        """Return the run with the reference's log-likelihood of each answer it will meet."""
        return with_reference(run, total_steps)

    def count(self, packed: PackedSequences, sequences: Sequence[int]) -> int:
        """Return how many pairs there are."""
        del packed
        return len(sequences)

    def train_sums(self, model: Any, batch: MicroBatch, *, scale: float) -> tuple[Any, Any]:
        """Return the scaled sum of losses, and the scaled sums of losses and rewards."""
        sums = self._sums(model, batch) * scale
        return sums[0], sums.detach()

    def eval_sums(self, model: Any, batch: MicroBatch) -> Sequence[float]:
        """Return the sums of losses and rewards."""
        sums: list[float] = self._sums(model, batch).tolist()
        return sums

    def losses(self, ratios: Any, labels: Any) -> Any:
        """Return (pair,): the loss of each pair.

        Args:
            ratios: (pair, 2); log-likelihood less the reference's, chosen then rejected.
            labels: (pair, 2); how many tokens each answer has.
        """
        from torch.nn.functional import logsigmoid, relu

        margins = self.beta * (ratios[:, 0] - ratios[:, 1])
        match self.loss_type:
            case "hinge":
                return relu(1 - margins)
            case "ipo":
                # Per token, as the authors of arXiv:2310.12036 told trl's that they computed it.
                each = ratios / labels
                return (each[:, 0] - each[:, 1] - 1 / (2 * self.beta)) ** 2
            case "robust":
                flipped = self.label_smoothing
                kept = (1 - flipped) * logsigmoid(margins) - flipped * logsigmoid(-margins)
                return -kept / (1 - 2 * flipped)
            case _:
                return -logsigmoid(margins)

    def _sums(self, model: Any, batch: MicroBatch) -> Any:
        import torch

        likelihoods, labels = document_log_likelihoods(model, batch)
        pairs = torch.tensor(places_of_pairs(batch), device=likelihoods.device)
        ratios = (likelihoods - batch.reference)[pairs]
        losses = self.losses(ratios, labels[pairs])
        chosen, rejected = (self.beta * ratios.detach()).unbind(dim=1)
        told = (losses, chosen, rejected, (chosen > rejected).float(), chosen - rejected)
        return torch.stack([of_pairs.sum() for of_pairs in told])
