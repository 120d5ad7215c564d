"""Packing: every document comes back whole, exactly once, whatever the lengths."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_scripts.container import JobFailure
from training_scripts.data.packing import pack
from training_scripts.data.tokenized import TokenizedRows

pytestmark = pytest.mark.train

WIDTH = 16
lengths = st.lists(st.integers(min_value=1, max_value=WIDTH), min_size=1, max_size=60)
strategies = st.sampled_from(["best_fit", "none"])


def documents_of(sizes: list[int]) -> TokenizedRows:
    total = sum(sizes)
    return TokenizedRows(
        input_ids=np.arange(1, total + 1, dtype=np.int32),
        in_loss=np.arange(total) % 3 > 0,
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        ids=tuple(str(i) for i in range(len(sizes))),
    )


@given(lengths, strategies)
@settings(deadline=None)
def test_packing_reconstructs_every_document(
    sizes: list[int], strategy: Literal["best_fit", "none"]
) -> None:
    rows = documents_of(sizes)
    packed = pack(rows, WIDTH, strategy=strategy)
    seen = []
    for sequence, documents in enumerate(packed.documents):
        at = 0
        for document, length in zip(documents, packed.document_lengths[sequence], strict=True):
            start, end = rows.offsets[document], rows.offsets[document + 1]
            here = slice(at, at + length)
            assert packed.input_ids[sequence, here].tolist() == rows.input_ids[start:end].tolist()
            assert packed.labels[sequence, here].tolist() == rows.labels()[start:end].tolist()
            assert packed.position_ids[sequence, here].tolist() == list(range(length))
            at += length
            seen.append(document)
        assert (packed.labels[sequence, at:] == -100).all()
    assert sorted(seen) == list(range(len(sizes)))
    assert packed.tokens == sum(sizes)


@given(lengths)
@settings(deadline=None)
def test_best_fit_fills_all_but_one_sequence_by_half(sizes: list[int]) -> None:
    packed = pack(documents_of(sizes), WIDTH)
    filled = sorted(sum(lengths) for lengths in packed.document_lengths)
    assert all(2 * tokens > WIDTH for tokens in filled[1:])
    assert len(packed) >= -(-sum(sizes) // WIDTH)


def test_a_document_longer_than_a_sequence_is_refused() -> None:
    with pytest.raises(JobFailure, match="a document has 20 tokens, above max_length 16"):
        pack(documents_of([20]), WIDTH)
