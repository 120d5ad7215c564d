"""Which sequences each optimizer step trains on, and micro-batches as flat rows of documents."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    @property
    def tokens(self) -> int:
        """Tokens in the row."""
        return sum(self.lengths)

    def to(self, device: Any) -> MicroBatch:
        """Return the batch with its tensors on `device`."""
        return MicroBatch(
            self.input_ids.to(device),
            self.position_ids.to(device),
            self.label_positions.to(device),
            self.label_ids.to(device),
            self.lengths,
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
    packed: PackedSequences, sequences: Sequence[int], *, size: int, max_tokens: int | None
) -> Iterator[MicroBatch]:
    """Yield `sequences` in micro-batches of at most `size` of them.

    Args:
        packed: All sequences.
        sequences: Which of them.
        size: Sequences per micro-batch.
        max_tokens: Split micro-batches further, between documents, to stay near this many
            tokens; a longer document is one micro-batch.
    """
    for start in range(0, len(sequences), size):
        documents = [
            document
            for sequence in sequences[start : start + size]
            for document in _documents(packed, sequence)
        ]
        documents.sort(key=lambda document: -document[2])
        for group in _groups(documents, max_tokens):
            yield _flat(packed, group)


_Document = tuple[int, int, int]  # sequence, first token, length


def _documents(packed: PackedSequences, sequence: int) -> Iterator[_Document]:
    start = 0
    for length in packed.document_lengths[sequence]:
        yield sequence, start, length
        start += length


def _groups(documents: list[_Document], max_tokens: int | None) -> Iterator[list[_Document]]:
    total = sum(length for _, _, length in documents)
    # As even as it goes: 2,100 tokens at 2,048 a piece are two of 1,050.
    pieces = 1 if max_tokens is None else -(-total // max_tokens)
    target = total / max(1, pieces)
    group: list[_Document] = []
    tokens = 0
    for document in documents:
        if group and max_tokens is not None and tokens + document[2] > max(target, 1):
            yield group
            group, tokens = [], 0
        group.append(document)
        tokens += document[2]
    if group:
        yield group


def _flat(packed: PackedSequences, documents: list[_Document]) -> MicroBatch:
    import torch

    def gather(array: Any) -> Any:
        return np.concatenate([array[s, at : at + length] for s, at, length in documents])

    labels = gather(packed.labels)
    # A document's first token has no label, so shifting by one never crosses a bound.
    targets = np.flatnonzero(labels[1:] != IGNORED)
    return MicroBatch(
        input_ids=torch.from_numpy(gather(packed.input_ids).astype(np.int64)).unsqueeze(0),
        position_ids=torch.from_numpy(gather(packed.position_ids).astype(np.int64)).unsqueeze(0),
        label_positions=torch.from_numpy(targets),
        label_ids=torch.from_numpy(labels[targets + 1].astype(np.int64)),
        lengths=tuple(length for _, _, length in documents),
    )
