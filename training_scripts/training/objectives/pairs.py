"""Rows of preferences as sequences: the prompt with the chosen answer, then with the rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from training_scripts.container import fail
from training_scripts.data.packing import pack
from training_scripts.data.rows import PreferenceRow
from training_scripts.data.tokenize import tokenize_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training_scripts.data.packing import PackedSequences
    from training_scripts.data.rows import Row
    from training_scripts.training.batches import MicroBatch
    from training_scripts.training.settings import TrainSettings


def pack_pairs(rows: Iterable[Row], tokenizer: Any, settings: TrainSettings) -> PackedSequences:
    """Return a sequence a row, of two documents.

    Raises:
        JobFailure: If a row is no preference, or is one between two equal answers.
    """
    tokenized = tokenize_pairs(
        preferences(rows, settings.objective),
        tokenizer,
        max_length=settings.max_length,
        too_long="truncate" if settings.truncate else "refuse",
    )
    return pack(
        tokenized, settings.max_length, strategy="pairs", pad_token_id=tokenizer.pad_token_id
    )


def preferences(rows: Iterable[Row], objective: str) -> Iterator[PreferenceRow]:
    """Yield the rows; JobFailure at the first that is no preference."""
    for row in rows:
        if not isinstance(row, PreferenceRow):
            fail(
                f"data: row {row.id!r} has no chosen and rejected answers, which objective "
                f"{objective} learns from. Give rows of format preference, or write "
                "`objective: sft`."
            )
        yield row


def places_of_pairs(batch: MicroBatch) -> list[tuple[int, int]]:
    """Return, per pair, where its two documents stand in the batch."""
    at = {document: place for place, document in enumerate(batch.documents)}
    return [(at[sequence, 0], at[sequence, 1]) for sequence, number in at if number == 0]


def with_signals(packed: PackedSequences, signals: Sequence[float]) -> PackedSequences:
    """Return the sequences, each with a number of its row that the loss needs."""
    return replace(packed, signals=np.asarray(signals, dtype=np.float32))
