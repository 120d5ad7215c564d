"""Replay: a share of other rows among those that are learned, so that less is forgotten.

Rehearsal of a small share of earlier data is the plainest remedy for catastrophic forgetting
(Ibrahim et al. 2024, arXiv:2403.08763, find 5 % enough where the new data are close to the old).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from training_scripts.data.packing import IGNORED, PackedSequences

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Mixed:
    """Sequences of two sources, and how much the second got of what was asked for."""

    sequences: PackedSequences
    replayed: int
    """Sequences of the second source."""
    share: float
    """Of the tokens that are not padding."""


def with_replay(
    own: PackedSequences, replay: PackedSequences, *, share: float, seed: int, pad_token_id: int
) -> Mixed:
    """Return `own`, and behind it so much of `replay` that it has `share` of the tokens.

    Args:
        own: All of it is kept.
        replay: Drawn from without replacement, so that a small one gives less than `share`.
        share: Of all tokens, at least 0 and below 1.
        seed: Of the drawing.
        pad_token_id: What padding is written as, where one is wider than the other.
    """
    wanted = own.tokens * share / (1 - share)
    chosen: list[int] = []
    taken = 0
    for sequence in np.random.default_rng(seed).permutation(len(replay)).tolist():
        size = sum(replay.document_lengths[sequence])
        if taken + size / 2 > wanted:  # To the nearest whole sequence.
            break
        chosen.append(sequence)
        taken += size
    drawn = _selected(replay, sorted(chosen), first_document=1 + _last_document(own))
    return Mixed(_joined(own, drawn, pad_token_id), len(chosen), taken / max(1, own.tokens + taken))


def _last_document(packed: PackedSequences) -> int:
    return max(chain.from_iterable(packed.documents), default=-1)


def _selected(
    packed: PackedSequences, sequences: list[int], *, first_document: int
) -> PackedSequences:
    return PackedSequences(
        packed.input_ids[sequences],
        packed.labels[sequences],
        packed.position_ids[sequences],
        tuple(packed.document_lengths[number] for number in sequences),
        tuple(
            tuple(first_document + document for document in packed.documents[number])
            for number in sequences
        ),
    )


def _joined(first: PackedSequences, second: PackedSequences, pad_token_id: int) -> PackedSequences:
    width = max(first.width, second.width)
    both = (first, second)
    return PackedSequences(
        np.concatenate([_widened(one.input_ids, width, pad_token_id) for one in both]),
        np.concatenate([_widened(one.labels, width, IGNORED) for one in both]),
        np.concatenate([_with_positions(one, width) for one in both]),
        first.document_lengths + second.document_lengths,
        first.documents + second.documents,
    )


def _widened(values: NDArray[np.int32], width: int, fill: int) -> NDArray[np.int32]:
    return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=fill)


def _with_positions(packed: PackedSequences, width: int) -> NDArray[np.int32]:
    """(sequence, width): positions; those of the padding count on from where they ended."""
    positions = _widened(packed.position_ids, width, 0)
    counting = np.arange(width, dtype=np.int32)
    for row, lengths in enumerate(packed.document_lengths):
        used = sum(lengths)
        positions[row, used:] = counting[: width - used]
    return positions
