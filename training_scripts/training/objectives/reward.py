"""Reward: one number for a text, higher for the answer that people chose (arXiv:2203.02155).

The loss of Bradley and Terry; it and its names are those of trl's RewardTrainer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from training_scripts.training.forward import document_rewards
from training_scripts.training.objectives.pairs import pack_pairs, places_of_pairs, with_signals

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
    "rewards/confidence",
)


@dataclass(frozen=True)
class Reward:
    """How much more the chosen answer is worth than the rejected one."""

    pad_token_id: int
    center_rewards_coefficient: float
    """How much a pair's rewards are drawn towards a sum of 0."""

    noun: ClassVar[str] = "pairs"
    whole_sequences: ClassVar[bool] = True
    train_means: ClassVar[tuple[str, ...]] = _MEANS
    eval_means: ClassVar[tuple[str, ...]] = _MEANS

    def pack(self, rows: Iterable[Row], tokenizer: Any, settings: TrainSettings) -> PackedSequences:
        """Return a sequence a row: the prompt with the chosen answer, then with the rejected."""
        found = list(rows)
        packed = pack_pairs(found, tokenizer, settings)
        return with_signals(packed, [_margin(row) for row in found])

    def prepare(self, run: Run, total_steps: int) -> Run:
        """Return the run: nothing must be known before."""
        del total_steps
        return run

    def count(self, packed: PackedSequences, sequences: Sequence[int]) -> int:
        """Return how many pairs there are."""
        del packed
        return len(sequences)

    def train_sums(self, model: Any, batch: MicroBatch, *, scale: float) -> tuple[Any, Any]:
        """Return the scaled sum of losses, and the scaled sums of what is told."""
        sums = self._sums(model, batch) * scale
        return sums[0], sums.detach()

    def eval_sums(self, model: Any, batch: MicroBatch) -> Sequence[float]:
        """Return the sums of losses, rewards and what they claim to be sure of."""
        sums: list[float] = self._sums(model, batch).tolist()
        return sums

    def losses(self, rewards: Any, margins: Any) -> Any:
        """Return (pair,): the loss of each pair.

        Args:
            rewards: (pair, 2); of the chosen answer, then of the rejected.
            margins: (pair,); by how much the first should be above the second.
        """
        from torch.nn.functional import logsigmoid

        lost = -logsigmoid(rewards[:, 0] - rewards[:, 1] - margins)
        return lost + self.center_rewards_coefficient * rewards.sum(dim=1) ** 2

    def _sums(self, model: Any, batch: MicroBatch) -> Any:
        import torch

        found = document_rewards(model, batch, self.pad_token_id)
        places = torch.tensor(places_of_pairs(batch), device=found.device)
        rewards = found[places]
        losses = self.losses(rewards, batch.signals[places[:, 0]])
        chosen, rejected = rewards.detach().unbind(dim=1)
        sure = torch.sigmoid((chosen - rejected).abs())
        told = (losses, chosen, rejected, (chosen > rejected).float(), chosen - rejected, sure)
        return torch.stack([of_pairs.sum() for of_pairs in told])


def _margin(row: Row) -> float:
    """By how much people preferred the chosen answer, from the column `margin`; 0 without one."""
    found = row.extra.get("margin", 0.0)
    return float(found) if isinstance(found, int | float) and np.isfinite(found) else 0.0
