"""Rows as tokens in flat arrays, and what becomes of those that are too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

import numpy as np

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TooLong = Literal["refuse", "truncate", "split"]
"""What becomes of a row above `max_length`: `split` cuts it into several documents."""

_NAMED = 5


@dataclass(frozen=True)
class TokenizedRows:
    """Documents of different lengths, end to end in flat arrays."""

    input_ids: NDArray[np.int32]
    """(token,)"""
    in_loss: NDArray[np.bool_]
    """(token,); whether the loss is taken on the token."""
    offsets: NDArray[np.int64]
    """(document + 1,); document `i` is `input_ids[offsets[i]:offsets[i + 1]]`."""
    ids: tuple[str, ...]
    """The row id of each document."""

    def __len__(self) -> int:
        return len(self.ids)

    def labels(self) -> NDArray[np.int32]:
        """Return (token,): the token itself, -100 where no loss is taken.

        A document's first token has none: nothing of its own document comes before it.
        """
        labels = np.where(self.in_loss, self.input_ids, -100).astype(np.int32)
        labels[self.offsets[:-1]] = -100
        return labels


def fitted(
    rows: TokenizedRows,
    max_length: int,
    *,
    too_long: TooLong,
    keep: int,
    documents_per_row: int = 1,
) -> TokenizedRows:
    """Return the rows with no document above `max_length`.

    Args:
        rows: As tokenized.
        max_length: Tokens a document may have.
        too_long: What to do with longer ones.
        keep: Tokens at the start of a document that stay if it is truncated.
        documents_per_row: 2 for preferences, whose prompts are then cut alike.

    Raises:
        JobFailure: If some are longer and `too_long` is `refuse`, with their number and first ids.
    """
    lengths = np.diff(rows.offsets).reshape(-1, documents_per_row).max(axis=1)
    longer = np.flatnonzero(lengths > max_length)
    if not len(longer):
        return rows
    if too_long == "refuse":
        _refuse(rows.ids[::documents_per_row], lengths, longer, max_length)
    if too_long == "truncate":
        return _truncated(rows, max_length, keep=keep, together=documents_per_row)
    return _split(rows, max_length)


def offsets_of(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each document starts, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _refuse(
    ids: Sequence[str], lengths: NDArray[np.int64], longer: NDArray[np.int64], max_length: int
) -> NoReturn:
    first = ", ".join(f"{ids[i]!r} has {lengths[i]:,}" for i in longer[:_NAMED])
    more = ", ..." if len(longer) > _NAMED else ""
    fail(
        f"max_length: {len(longer):,} of {len(ids):,} rows have more than {max_length:,} tokens "
        f"({first}{more}). Use max_length: {lengths.max()} or set truncate: true."
    )


def _truncated(rows: TokenizedRows, max_length: int, *, keep: int, together: int) -> TokenizedRows:
    """Rows cut to `max_length`: prompts at their start, completions at their end.

    A prompt gives way until half the room is the completion's, since a row without a completion
    teaches nothing; the first `keep` tokens stay. Of `together` documents the longest decides.
    """
    bounds = list(zip(rows.offsets[:-1].tolist(), rows.offsets[1:].tolist(), strict=True))
    chosen: list[NDArray[np.int64]] = []
    for first in range(0, len(bounds), together):
        documents = bounds[first : first + together]
        cut = max(_cut_of_prompt(rows, start, end, max_length) for start, end in documents)
        for start, end in documents:
            index = np.arange(start, end)
            if end - start > max_length or cut:
                index = np.concatenate([index[:keep], index[keep + cut :]])[:max_length]
            chosen.append(index)
    taken = np.concatenate(chosen)
    lengths = [len(index) for index in chosen]
    return TokenizedRows(rows.input_ids[taken], rows.in_loss[taken], offsets_of(lengths), rows.ids)


def _cut_of_prompt(rows: TokenizedRows, start: int, end: int, max_length: int) -> int:
    """How many tokens of the prompt must go."""
    if end - start <= max_length:
        return 0
    prompt = int(rows.in_loss[start:end].argmax())
    room = max_length - min(end - start - prompt, max_length // 2)
    return max(0, prompt - room)


def _split(rows: TokenizedRows, max_length: int) -> TokenizedRows:
    lengths = np.diff(rows.offsets)
    pieces = np.maximum(1, -(-lengths // max_length))
    sizes = np.full(int(pieces.sum()), max_length, dtype=np.int64)
    sizes[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * max_length
    ids = tuple(rows.ids[i] for i in np.repeat(np.arange(len(rows)), pieces).tolist())
    return TokenizedRows(rows.input_ids, rows.in_loss, offsets_of(sizes), ids)
