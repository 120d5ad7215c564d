"""Rows into tokens, in batches that the tokenizer's Rust code encodes in parallel.

Prompt and completion are encoded apart, exactly as a model meets them when it generates: no token
ever spans the bound between what is asked and what is learned.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from training_scripts.container import fail
from training_scripts.data.chat import chat_segments
from training_scripts.data.rows import MessagesRow, PreferenceRow, PromptRow, TextRow
from training_scripts.data.tokenized import TokenizedRows, TooLong, fitted, offsets_of
from training_scripts.data.words import word_encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training_scripts.data.rows import Row
    from training_scripts.data.words import WordEncoder

Segment = tuple[str, bool]
"""A piece of a row's text, and whether the loss is taken on it."""

_BATCH = 2_000


def tokenize_rows(
    rows: Iterable[Row],
    tokenizer: Any,
    *,
    max_length: int,
    completion_only_loss: bool = True,
    too_long: TooLong = "refuse",
) -> TokenizedRows:
    """Return the rows as token ids, each ended by the end-of-text token.

    Args:
        rows: Read once, in batches.
        tokenizer: A transformers fast tokenizer.
        max_length: Tokens a document may have, with its end-of-text token.
        completion_only_loss: Take no loss on prompts, and of conversations on nothing but what
            the assistant says. Plain text has no prompt.
        too_long: What to do with longer rows.

    Raises:
        JobFailure: If there are no rows, one is a preference, or some are longer than `max_length`
            and `too_long` is `refuse`, with their number and the first ids.
    """
    frame, encoder = _Frame.of(tokenizer), TextEncoder(tokenizer)
    batches = [
        _encode(batch, tokenizer, encoder, frame, completion_only_loss=completion_only_loss)
        for batch in _batches(rows)
    ]
    if not batches:
        fail("data: there are no rows to tokenize.")
    keep = len(frame.before)
    return fitted(_joined(batches), max_length, too_long=too_long, keep=keep)


def tokenize_pairs(
    rows: Iterable[PreferenceRow],
    tokenizer: Any,
    *,
    max_length: int,
    too_long: TooLong = "refuse",
) -> TokenizedRows:
    """Return two documents a row, with the chosen answer and with the rejected, as token ids.

    The loss is taken on answers only. Arguments and errors are those of `tokenize_rows`; a prompt
    that must be cut is cut alike for both.
    """
    sides = chain.from_iterable(map(_sides, rows))
    whole = tokenize_rows(sides, tokenizer, max_length=sys.maxsize)
    keep = len(_Frame.of(tokenizer).before)
    return fitted(whole, max_length, too_long=too_long, keep=keep, documents_per_row=2)


def token_counts(rows: Iterable[Row], tokenizer: Any) -> Iterator[int]:
    """Yield how many tokens each row has, its end included, in memory for one batch.

    Of a preference it is the longer side, with the prompt.

    Raises:
        JobFailure: If the tokenizer cannot word a row.
    """
    frame, encoder = _Frame.of(tokenizer), TextEncoder(tokenizer)
    for batch in _batches(rows):
        sides = [side for row in batch for side in _sides(row)]
        encoded = _encode(sides, tokenizer, encoder, frame, completion_only_loss=False)
        yield from np.diff(encoded.offsets).reshape(len(batch), -1).max(axis=1).tolist()


class TextEncoder:
    """Texts to ids with no special token added; keeps what it learned from batch to batch."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        self._words: WordEncoder | None = None
        self._asked = False

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        if self._backend is None:
            found = self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]
            return [list(ids) for ids in found]
        if not self._asked:
            self._asked = True
            self._words = word_encoder(self._backend, texts)
        if self._words is None:
            return self._encode_whole(texts)
        words = self._words
        found = [words.encode(text) if words.can_encode(text) else None for text in texts]
        others = [text for text, ids in zip(texts, found, strict=True) if ids is None]
        whole = iter(self._encode_whole(others)) if others else iter([])
        return [next(whole) if ids is None else ids for ids in found]

    def _encode_whole(self, texts: Sequence[str]) -> list[list[int]]:
        backend: Any = self._backend
        backend.no_padding()
        backend.no_truncation()
        # Without offsets, which `encode_batch` computes too.
        encode = getattr(backend, "encode_batch_fast", backend.encode_batch)
        return [encoding.ids for encoding in encode(texts, add_special_tokens=False)]


@dataclass(frozen=True)
class _Frame:
    """What stands around a document that no chat template words."""

    before: list[int]
    after: list[int]

    @classmethod
    def of(cls, tokenizer: Any) -> _Frame:
        end = tokenizer.eos_token_id
        if end is None:
            fail("tokenizer: it has no end-of-text token (eos_token), so no document can end.")
        # What the tokenizer itself puts around text; only the beginning token is wanted of it.
        added = tokenizer("", add_special_tokens=True)["input_ids"]
        begin = tokenizer.bos_token_id
        return cls(before=[begin] if begin is not None and begin in added[:1] else [], after=[end])


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _sides(row: Row) -> tuple[Row, ...]:
    return (row.chosen, row.rejected) if isinstance(row, PreferenceRow) else (row,)


def _segments(row: Row, tokenizer: Any, *, completion_only_loss: bool) -> list[Segment]:
    if isinstance(row, PreferenceRow):
        fail(
            f"data: row {row.id!r} is a preference, and this step learns from one answer a row. "
            "Write `objective: dpo`, or give rows of another format."
        )
    match row:
        case TextRow():
            return [(row.text, True)]
        case PromptRow():
            return [(row.prompt, not completion_only_loss), (row.completion, True)]
        case MessagesRow():
            segments = chat_segments(row, tokenizer)
            return [(text, spoken or not completion_only_loss) for text, spoken in segments]


def _encode(
    batch: Sequence[Row],
    tokenizer: Any,
    encoder: TextEncoder,
    frame: _Frame,
    *,
    completion_only_loss: bool,
) -> TokenizedRows:
    segmented = [
        _segments(row, tokenizer, completion_only_loss=completion_only_loss) for row in batch
    ]
    encoded = iter(encoder.encode([text for row in segmented for text, _ in row]))
    pieces: list[list[int]] = []
    flags: list[bool] = []
    lengths: list[int] = []
    for row, segments in zip(batch, segmented, strict=True):
        first = len(pieces)
        framed = not isinstance(row, MessagesRow)
        if framed:
            pieces.append(frame.before)
            flags.append(segments[0][1])
        for _, in_loss in segments:
            pieces.append(next(encoded))
            flags.append(in_loss)
        # Most chat templates end the assistant's turn with the end-of-text token themselves.
        if framed or frame.after[0] not in pieces[-1][-2:]:
            pieces.append(frame.after)
            flags.append(flags[-1])
        lengths.append(sum(map(len, pieces[first:])))
    sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
    return TokenizedRows(
        input_ids=np.fromiter(chain.from_iterable(pieces), np.int32, int(sizes.sum())),
        in_loss=np.repeat(np.array(flags, dtype=np.bool_), sizes),
        offsets=offsets_of(lengths),
        ids=tuple(row.id for row in batch),
    )


def _joined(batches: Sequence[TokenizedRows]) -> TokenizedRows:
    return TokenizedRows(
        input_ids=np.concatenate([batch.input_ids for batch in batches]),
        in_loss=np.concatenate([batch.in_loss for batch in batches]),
        offsets=offsets_of(np.concatenate([np.diff(batch.offsets) for batch in batches])),
        ids=tuple(chain.from_iterable(batch.ids for batch in batches)),
    )
