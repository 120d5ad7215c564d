"""KTO: answers people want become likelier, those they do not want less likely (arXiv:2402.01306).

Losses and names are those of trl's KTOTrainer. Each row is judged alone; where the model stands as
a whole is estimated from prompts with answers to other prompts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from training_scripts.container import fail
from training_scripts.data.packing import pack
from training_scripts.data.rows import MessagesRow, PreferenceRow, PromptRow
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.training.forward import document_log_likelihoods
from training_scripts.training.objectives.pairs import with_signals
from training_scripts.training.objectives.reference import with_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training_scripts.data.packing import PackedSequences
    from training_scripts.data.rows import Row
    from training_scripts.training.batches import MicroBatch
    from training_scripts.training.loop import Run
    from training_scripts.training.settings import TrainSettings

    Answer = PromptRow | MessagesRow

_MEANS = ("loss", "kl", "rewards/chosen", "rewards/rejected", "rewards/margins")
_LABELS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class KTO:
    """A loss of how far each answer is from the reference, on the side its label names."""

    beta: float
    loss_type: str
    """As in trl: `kto`, or `apo_zero_unpaired`, which estimates no KL."""
    desirable_weight: float
    undesirable_weight: float

    noun: ClassVar[str] = "answers"
    whole_sequences: ClassVar[bool] = True
    train_means: ClassVar[tuple[str, ...]] = _MEANS
    eval_means: ClassVar[tuple[str, ...]] = _MEANS

    def pack(self, rows: Iterable[Row], tokenizer: Any, settings: TrainSettings) -> PackedSequences:
        """Return a sequence an answer: its row and, for the KL, its prompt answered by another."""
        judged = [one for row in rows for one in _judged(row)]
        own = [answer for answer, _ in judged]
        whole = tokenize_rows(
            own,
            tokenizer,
            max_length=settings.max_length,
            too_long="truncate" if settings.truncate else "refuse",
        )
        if self.loss_type == "kto":
            pairs = (row for pair in zip(own, _mismatched(own), strict=True) for row in pair)
            # Another's answer may be longer than the row's own: that pair is cut, not refused.
            whole = tokenize_rows(
                pairs, tokenizer, max_length=settings.max_length, too_long="truncate"
            )
        packed = pack(
            whole,
            settings.max_length,
            strategy="pairs" if self.loss_type == "kto" else "none",
            pad_token_id=tokenizer.pad_token_id,
        )
        return with_signals(packed, _balanced([wanted for _, wanted in judged]))

    def prepare(self, run: Run, total_steps: int) -> Run:
        """Return the run with the reference's log-likelihood of each answer it will meet."""
        return with_reference(run, total_steps)

    def count(self, packed: PackedSequences, sequences: Sequence[int]) -> int:
        """Return how many answers there are."""
        del packed
        return len(sequences)

    def train_sums(self, model: Any, batch: MicroBatch, *, scale: float) -> tuple[Any, Any]:
        """Return the scaled sum of losses, and the scaled sums of what is told."""
        sums = self._sums(model, batch) * scale
        return sums[0], sums.detach()

    def eval_sums(self, model: Any, batch: MicroBatch) -> Sequence[float]:
        """Return the sums of losses, of the KL and of rewards."""
        sums: list[float] = self._sums(model, batch).tolist()
        return sums

    def losses(self, ratios: Any, wanted: Any, kl: Any) -> Any:
        """Return (answer,): the loss of each answer.

        Args:
            ratios: (answer,); log-likelihood less the reference's.
            wanted: (answer,), bool.
            kl: How far the model is from the reference; 0 or more.
        """
        import torch

        signs = wanted.float() * 2 - 1
        weights = torch.where(wanted, self.desirable_weight, self.undesirable_weight)
        return weights * (1 - torch.sigmoid(signs * self.beta * (ratios - kl)))

    def _sums(self, model: Any, batch: MicroBatch) -> Any:
        import torch

        likelihoods, _ = document_log_likelihoods(model, batch)
        ratios = likelihoods - batch.reference
        numbers = torch.tensor([number for _, number in batch.documents], device=ratios.device)
        own, other = ratios[numbers == 0], ratios[numbers == 1].detach()
        kl = other.mean().clamp(min=0) if len(other) else torch.zeros((), device=ratios.device)
        signals = batch.signals[numbers == 0]
        losses = self.losses(own, signals > 0, kl)
        rewards = self.beta * own.detach()
        chosen, rejected = rewards * signals.clamp(min=0), rewards * (-signals).clamp(min=0)
        told = (losses, kl.expand_as(own), chosen, rejected, chosen - rejected)
        return torch.stack([of_answers.sum() for of_answers in told])


def _judged(row: Row) -> Iterator[tuple[Answer, bool]]:
    """Yield the answers of a row, each with whether people want it."""
    if isinstance(row, PreferenceRow):
        yield row.chosen, True
        yield row.rejected, False
        return
    found = row.extra.get("label")
    label = _LABELS.get(str(found).lower())
    if label is None or not isinstance(row, PromptRow | MessagesRow):
        fail(
            f"data: row {row.id!r} says in no column 'label' whether its answer is wanted (found: "
            f"{found!r}), which objective kto learns from. Give prompts and completions with "
            "`label: true` or `label: false`, or rows of format preference."
        )
    if isinstance(row, MessagesRow):
        row = replace(row, prompt_turns=len(row.messages) - 1)
    yield row, label


def _mismatched(rows: Sequence[Answer]) -> Iterator[Answer]:
    """Yield each prompt with the answer of the nearest row before it that asks something else."""
    for at, row in enumerate(rows):
        before = (rows[at - distance] for distance in range(1, len(rows)))
        other = next((one for one in before if _prompt(one) != _prompt(row)), row)
        if isinstance(row, PromptRow) and isinstance(other, PromptRow):
            yield replace(row, completion=other.completion)
        elif isinstance(row, MessagesRow) and isinstance(other, MessagesRow):
            reply = other.messages[other.prompt_turns :]
            yield replace(row, messages=(*row.messages[: row.prompt_turns], *reply))
        else:
            yield row


def _prompt(row: Answer) -> object:
    return row.prompt if isinstance(row, PromptRow) else row.messages[: row.prompt_turns]


def _balanced(wanted: Sequence[bool]) -> list[float]:
    """Above 0 for what is wanted; sizes such that means over all rows are means over each kind."""
    counts = {kind: wanted.count(kind) for kind in (True, False)}
    return [(1 if kind else -1) * len(wanted) / counts[kind] for kind in wanted]
