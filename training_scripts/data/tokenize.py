"""Rows into tokens, in batches that the tokenizer's Rust code encodes in parallel.

Prompt and completion are encoded apart, exactly as a model meets them when it generates: no token
ever spans the bound between what is asked and what is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np

from training_scripts.container import fail
from training_scripts.data.chat import chat_segments
from training_scripts.data.rows import MessagesRow, PromptRow, TextRow
from training_scripts.data.words import word_encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from training_scripts.data.rows import Row
    from training_scripts.data.words import WordEncoder

TooLong = Literal["refuse", "truncate", "split"]
"""What becomes of a row above `max_length`: `split` cuts it into several documents."""

Segment = tuple[str, bool]
"""A piece of a row's text, and whether the loss is taken on it."""

_BATCH = 2_000
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
        JobFailure: If there are no rows, or some are longer than `max_length` and `too_long` is
            `refuse`, with their number and the first ids.
    """
    frame, encoder = _Frame.of(tokenizer), TextEncoder(tokenizer)
    batches = [
        _encode(batch, tokenizer, encoder, frame, completion_only_loss=completion_only_loss)
        for batch in _batches(rows)
    ]
    if not batches:
        fail("data: there are no rows to tokenize.")
    tokenized = _joined(batches)
    longer = np.flatnonzero(np.diff(tokenized.offsets) > max_length)
    if not len(longer):
        return tokenized
    if too_long == "refuse":
        _refuse(tokenized, longer, max_length)
    if too_long == "truncate":
        return _truncated(tokenized, max_length, keep=len(frame.before))
    return _split(tokenized, max_length)


def token_counts(rows: Iterable[Row], tokenizer: Any) -> Iterator[int]:
    """Yield how many tokens each row has, its end included, in memory for one batch.

    Raises:
        JobFailure: If the tokenizer cannot word a row.
    """
    frame, encoder = _Frame.of(tokenizer), TextEncoder(tokenizer)
    for batch in _batches(rows):
        encoded = _encode(batch, tokenizer, encoder, frame, completion_only_loss=False)
        yield from np.diff(encoded.offsets).tolist()


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


def _segments(row: Row, tokenizer: Any, *, completion_only_loss: bool) -> list[Segment]:
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
        offsets=_offsets(lengths),
        ids=tuple(row.id for row in batch),
    )


def _offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _joined(batches: Sequence[TokenizedRows]) -> TokenizedRows:
    return TokenizedRows(
        input_ids=np.concatenate([batch.input_ids for batch in batches]),
        in_loss=np.concatenate([batch.in_loss for batch in batches]),
        offsets=_offsets(np.concatenate([np.diff(batch.offsets) for batch in batches])),
        ids=tuple(chain.from_iterable(batch.ids for batch in batches)),
    )


def _refuse(rows: TokenizedRows, longer: NDArray[np.int64], max_length: int) -> NoReturn:
    lengths = np.diff(rows.offsets)
    first = ", ".join(f"{rows.ids[i]!r} has {lengths[i]:,}" for i in longer[:_NAMED])
    more = ", ..." if len(longer) > _NAMED else ""
    fail(
        f"max_length: {len(longer):,} of {len(rows):,} rows have more than {max_length:,} tokens "
        f"({first}{more}). Use max_length: {lengths.max()} or set truncate: true."
    )


def _truncated(rows: TokenizedRows, max_length: int, *, keep: int) -> TokenizedRows:
    """Rows cut to `max_length`: prompts at their start, completions at their end.

    A prompt gives way until half the room is the completion's, since a row without a completion
    teaches nothing; the first `keep` tokens stay.
    """
    chosen: list[NDArray[np.int64]] = []
    for start, end in zip(rows.offsets[:-1].tolist(), rows.offsets[1:].tolist(), strict=True):
        index = np.arange(start, end)
        if len(index) > max_length:
            prompt = int(rows.in_loss[start:end].argmax())
            room = max_length - min(len(index) - prompt, max_length // 2)
            cut = max(0, prompt - room)
            index = np.concatenate([index[:keep], index[keep + cut :]])[:max_length]
        chosen.append(index)
    taken = np.concatenate(chosen)
    lengths = [len(index) for index in chosen]
    return TokenizedRows(rows.input_ids[taken], rows.in_loss[taken], _offsets(lengths), rows.ids)


def _split(rows: TokenizedRows, max_length: int) -> TokenizedRows:
    lengths = np.diff(rows.offsets)
    pieces = np.maximum(1, -(-lengths // max_length))
    sizes = np.full(int(pieces.sum()), max_length, dtype=np.int64)
    sizes[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * max_length
    ids = tuple(rows.ids[i] for i in np.repeat(np.arange(len(rows)), pieces).tolist())
    return TokenizedRows(rows.input_ids, rows.in_loss, _offsets(sizes), ids)
