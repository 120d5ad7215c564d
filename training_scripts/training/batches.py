"""Which sequences each optimizer step trains on, and micro-batches as flat rows of documents."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training_scripts.data.packing import IGNORED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training_scripts.data.packing import PackedSequences


@dataclass(frozen=True)
class MicroBatch:
    """Documents end to end in one row without padding, longest first."""

    input_ids: Any
    """Tensor (1, token), int64."""
    position_ids: Any
    """Tensor (1, token), int64; from 0 at the start of each document."""
    label_positions: Any
    """Tensor (label,), int64: the tokens whose next token is learned."""
    label_ids: Any
    """Tensor (label,), int64: those next tokens."""
    lengths: tuple[int, ...]
    """Tokens of each document, in order."""
    documents: tuple[tuple[int, int], ...] = ()
    """Of each document, its sequence, and which document of the sequence it is."""
    reference: Any = None
    """Tensor (document,), float32: `PackedSequences.reference` of each; None without."""
    signals: Any = None
    """Tensor (document,), float32: `PackedSequences.signals` of its sequence; None without."""

    @property
    def tokens(self) -> int:
        """Tokens in the row."""
        return sum(self.lengths)

    def to(self, device: Any) -> MicroBatch:
        """Return the batch with its tensors on `device`."""
        return replace(
            self,
            input_ids=self.input_ids.to(device),
            position_ids=self.position_ids.to(device),
            label_positions=self.label_positions.to(device),
            label_ids=self.label_ids.to(device),
            reference=None if self.reference is None else self.reference.to(device),
            signals=None if self.signals is None else self.signals.to(device),
        )


def batch_of_step(sequences: int, global_batch_size: int, step: int, seed: int) -> list[int]:
    """Return which sequences optimizer step `step` (from 0) trains on, over all devices.

    A function of its arguments alone, so that a resumed run goes on with the same batches.
    """
    steps_per_epoch = -(-sequences // global_batch_size)
    epoch, position = divmod(step, steps_per_epoch)
    order = list(range(sequences))
    random.Random(f"{seed}-{epoch}").shuffle(order)  # noqa: S311 an order of training, no secret
    return order[position * global_batch_size : (position + 1) * global_batch_size]


def count_labels(packed: PackedSequences, sequences: Sequence[int]) -> int:
    """Return on how many tokens of `sequences` a loss is taken."""
    return int((packed.labels[list(sequences)] != IGNORED).sum())


def micro_batches(
    packed: PackedSequences,
    sequences: Sequence[int],
    *,
    size: int,
    max_tokens: int | None,
    whole_sequences: bool = False,
) -> Iterator[MicroBatch]:
    """Yield `sequences` in micro-batches of at most `size` of them.

    Args:
        packed: All sequences.
        sequences: Which of them.
        size: Sequences per micro-batch.
        max_tokens: Split micro-batches further, between documents, to stay near this many
            tokens; a longer document is one micro-batch.
        whole_sequences: Split between sequences only.
    """
    for start in range(0, len(sequences), size):
        wholes = [_documents(packed, sequence) for sequence in sequences[start : start + size]]
        if not whole_sequences:
            wholes = [[document] for documents in wholes for document in documents]
        wholes.sort(key=_tokens, reverse=True)
        for group in _groups(wholes, max_tokens):
            group.sort(key=lambda document: document.length, reverse=True)
            yield _flat(packed, group)


class _Document(NamedTuple):
    sequence: int
    number: int
    """In the sequence."""
    start: int
    length: int


def _documents(packed: PackedSequences, sequence: int) -> list[_Document]:
    found, start = [], 0
    for number, length in enumerate(packed.document_lengths[sequence]):
        found.append(_Document(sequence, number, start, length))
        start += length
    return found


def _tokens(documents: list[_Document]) -> int:
    return sum(document.length for document in documents)


def _groups(wholes: list[list[_Document]], max_tokens: int | None) -> Iterator[list[_Document]]:
    """Groups of `wholes`, none of them divided."""
    total = sum(map(_tokens, wholes))
    # As even as it goes: 2,100 tokens at 2,048 a piece are two of 1,050.
    pieces = 1 if max_tokens is None else -(-total // max_tokens)
    target = total / max(1, pieces)
    group: list[_Document] = []
    tokens = 0
    for documents in wholes:
        if group and max_tokens is not None and tokens + _tokens(documents) > max(target, 1):
            yield group
            group, tokens = [], 0
        group += documents
        tokens += _tokens(documents)
    if group:
        yield group


def _flat(packed: PackedSequences, documents: list[_Document]) -> MicroBatch:
    import torch

    def gather(array: Any) -> Any:
        return np.concatenate([array[d.sequence, d.start : d.start + d.length] for d in documents])

    places = tuple((document.sequence, document.number) for document in documents)
    labels = gather(packed.labels)
    # A document's first token has no label, so shifting by one never crosses a bound.
    targets = np.flatnonzero(labels[1:] != IGNORED)
    return MicroBatch(
        input_ids=torch.from_numpy(gather(packed.input_ids).astype(np.int64)).unsqueeze(0),
        position_ids=torch.from_numpy(gather(packed.position_ids).astype(np.int64)).unsqueeze(0),
        label_positions=torch.from_numpy(targets),
        label_ids=torch.from_numpy(labels[targets + 1].astype(np.int64)),
        lengths=tuple(document.length for document in documents),
        documents=places,
        reference=None if packed.reference is None else _gathered(packed.reference, places),
        signals=None if packed.signals is None else _of_sequences(packed.signals, places),
    )


def _of_sequences(signals: Any, places: tuple[tuple[int, int], ...]) -> Any:
    import torch

    return torch.from_numpy(signals[[sequence for sequence, _ in places]])


def _gathered(reference: Any, places: tuple[tuple[int, int], ...]) -> Any:
    import torch

    sequences, numbers = zip(*places, strict=True)
    return torch.from_numpy(reference[list(sequences), list(numbers)])
