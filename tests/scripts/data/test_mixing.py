from __future__ import annotations

import numpy as np
import pytest

from training_scripts.data.mixing import with_replay
from training_scripts.data.packing import PackedSequences, pack
from training_scripts.data.tokenized import TokenizedRows, offsets_of


def packed(
    lengths: list[int], token: int, width: int, strategy: str = "best_fit"
) -> PackedSequences:
    total = sum(lengths)
    rows = TokenizedRows(
        np.full(total, token, dtype=np.int32),
        np.ones(total, dtype=np.bool_),
        offsets_of(lengths),
        tuple(str(n) for n in range(len(lengths))),
    )
    return pack(rows, width, strategy=strategy, pad_token_id=0)


def test_replayed_rows_have_their_share_of_the_tokens() -> None:
    own, replay = packed([10] * 90, 1, 10), packed([10] * 90, 2, 10)

    mixed = with_replay(own, replay, share=0.1, seed=3, pad_token_id=0)

    assert mixed.replayed == 10
    assert mixed.share == pytest.approx(0.1)
    assert len(mixed.sequences) == 100
    assert int((mixed.sequences.input_ids == 2).sum()) == 100
    assert mixed.sequences.tokens == 1000


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    own = packed([10] * 20, 1, 10)
    replay = packed(list(range(1, 11)) * 4, 2, 10, "none")
    draws = [with_replay(own, replay, share=0.2, seed=seed, pad_token_id=0) for seed in (1, 1, 2)]

    assert draws[0].sequences.documents == draws[1].sequences.documents
    assert draws[0].sequences.documents != draws[2].sequences.documents


def test_documents_of_both_keep_numbers_of_their_own() -> None:
    own, replay = packed([4] * 6, 1, 8), packed([4] * 6, 2, 8)

    mixed = with_replay(own, replay, share=0.5, seed=0, pad_token_id=0).sequences

    numbers = [number for documents in mixed.documents for number in documents]
    assert len(set(numbers)) == len(numbers) == 12


def test_a_wider_source_widens_the_other_with_padding_that_is_not_learned() -> None:
    own, replay = packed([3], 1, 8, "none"), packed([5, 5], 2, 8, "none")

    mixed = with_replay(own, replay, share=0.6, seed=0, pad_token_id=9).sequences

    assert mixed.width == 5
    assert mixed.input_ids[0].tolist() == [1, 1, 1, 9, 9]
    assert mixed.labels[0].tolist() == [-100, 1, 1, -100, -100]
    assert mixed.position_ids[0].tolist() == [0, 1, 2, 0, 1]


def test_too_little_to_replay_gives_what_there_is_and_says_so() -> None:
    own, replay = packed([10] * 30, 1, 10), packed([10], 2, 10)

    mixed = with_replay(own, replay, share=0.5, seed=0, pad_token_id=0)

    assert mixed.replayed == 1
    assert mixed.share == pytest.approx(1 / 31)
