"""Documents into sequences of one length, with every document's bounds kept.

Attention must not cross from one document to the next: `position_ids` restart at each, and
`document_lengths` says where the bounds are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from training_scripts.container import fail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training_scripts.data.tokenized import TokenizedRows

Strategy = Literal["best_fit", "none", "pairs"]

IGNORED = -100
"""The label of a token on which no loss is taken (torch's `cross_entropy`, `ignore_index`)."""


@dataclass(frozen=True)
class PackedSequences:
    """Sequences of equal width. Padding stands at the end of each, as a document of its own."""

    input_ids: NDArray[np.int32]
    """(sequence, width)"""
    labels: NDArray[np.int32]
    """(sequence, width); -100 on padding, on masked prompts and on each document's first token."""
    position_ids: NDArray[np.int32]
    """(sequence, width); from 0 at the start of each document, and of the padding."""
    document_lengths: tuple[tuple[int, ...], ...]
    """Per sequence, the lengths of its documents in order; their sum is the width less padding."""
    documents: tuple[tuple[int, ...], ...]
    """Per sequence, which documents (row numbers of the input) it holds, in order."""
    reference: NDArray[np.float32] | None = None
    """(sequence, document); log-likelihood of each by the reference of a preference."""
    signals: NDArray[np.float32] | None = None
    """(sequence,); what a loss needs to know of each row: a wanted margin, a label."""

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def width(self) -> int:
        """Tokens per sequence, padding included."""
        return int(self.input_ids.shape[1])

    @property
    def tokens(self) -> int:
        """Tokens that are not padding."""
        return sum(sum(lengths) for lengths in self.document_lengths)

    @property
    def loss_tokens(self) -> int:
        """Tokens on which a loss is taken."""
        return int((self.labels != IGNORED).sum())


def pack(
    rows: TokenizedRows, max_length: int, *, strategy: Strategy = "best_fit", pad_token_id: int = 0
) -> PackedSequences:
    """Lay tokenized rows into sequences of at most `max_length` tokens.

    Args:
        rows: Each is one document and stays whole.
        max_length: Tokens per sequence.
        strategy: `best_fit` leaves little padding (best-fit decreasing), `none` gives each row
            a sequence of its own, as wide as the longest, `pairs` each two rows.
        pad_token_id: What padding is written as.

    Raises:
        JobFailure: If a row is longer than `max_length`.
    """
    lengths = np.diff(rows.offsets)
    if len(lengths) and lengths.max() > max_length:
        fail(f"packing: a document has {lengths.max()} tokens, above max_length {max_length}.")
    if strategy == "best_fit":
        return _lay_out(rows, _best_fit_decreasing(lengths, max_length), max_length, pad_token_id)
    together = 2 if strategy == "pairs" else 1
    bins = [list(range(at, at + together)) for at in range(0, len(lengths), together)]
    width = lengths.reshape(-1, together).sum(axis=1).max(initial=1)
    return _lay_out(rows, bins, int(width), pad_token_id)


def _best_fit_decreasing(lengths: NDArray[np.int64], max_length: int) -> list[list[int]]:
    bins: list[list[int]] = []
    by_space: list[list[int]] = [[] for _ in range(max_length + 1)]
    # Bit s is set while some bin has s tokens of space: the tightest fit is the lowest bit from
    # `length` up, found without searching the bins.
    spaces = 0
    for document in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[document])
        fitting = spaces >> length
        if fitting:
            space = length + (fitting & -fitting).bit_length() - 1
            chosen = by_space[space].pop()
            spaces ^= 0 if by_space[space] else 1 << space
        else:
            space, chosen = max_length, len(bins)
            bins.append([])
        bins[chosen].append(document)
        by_space[space - length].append(chosen)
        spaces |= 1 << (space - length)
    return bins


def _lay_out(
    rows: TokenizedRows, bins: list[list[int]], width: int, pad_token_id: int
) -> PackedSequences:
    shape = (len(bins), width)
    input_ids = np.full(shape, pad_token_id, dtype=np.int32)
    labels = np.full(shape, IGNORED, dtype=np.int32)
    position_ids = np.zeros(shape, dtype=np.int32)
    all_labels = rows.labels()
    counting = np.arange(width, dtype=np.int32)
    offsets = rows.offsets.tolist()
    document_lengths = []
    for sequence, documents in enumerate(bins):
        at = 0
        for document in documents:
            start, end = offsets[document], offsets[document + 1]
            until = at + end - start
            input_ids[sequence, at:until] = rows.input_ids[start:end]
            labels[sequence, at:until] = all_labels[start:end]
            position_ids[sequence, at:until] = counting[: end - start]
            at = until
        position_ids[sequence, at:] = counting[: width - at]
        document_lengths.append(tuple(offsets[d + 1] - offsets[d] for d in documents))
    return PackedSequences(
        input_ids, labels, position_ids, tuple(document_lengths), tuple(map(tuple, bins))
    )
