"""Rows into tokens, in batches that the tokenizer's Rust code encodes in parallel.

Prompt and completion are encoded apart, exactly as a model meets them when it generates: no token
ever spans the bound between what is asked and what is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from training_scripts.container import fail
from training_scripts.data.chat import chat_segments
from training_scripts.data.rows import MessagesRow, PromptRow, TextRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from training_scripts.data.rows import Row

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
    raise NotImplementedError
