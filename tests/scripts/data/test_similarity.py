"""`data/similarity.py`: shingles, bands and groups."""

from __future__ import annotations

import numpy as np
import pytest

from training_scripts.data.similarity import (
    MISSED,
    Bands,
    Groups,
    band_hashes,
    group_similar,
    jaccard,
    shingle_hashes,
    shingle_set,
)

pytestmark = pytest.mark.train


def words(*numbers: int) -> str:
    return " ".join(f"w{n}" for n in numbers)


def test_a_text_has_one_shingle_per_five_words_in_a_row() -> None:
    texts = [words(1, 2, 3, 4, 5, 6), words(1, 2), "", words(2, 3, 4, 5, 6)]
    hashes, starts = shingle_hashes(texts)
    assert starts.tolist() == [0, 2, 3, 4, 5]
    assert hashes[1] == hashes[4]
    assert len(set(hashes.tolist())) == 4


def test_shingles_do_not_depend_on_the_texts_beside() -> None:
    texts = [words(*range(n)) for n in (1, 9, 3, 30)]
    hashes, starts = shingle_hashes(texts)
    for number, text in enumerate(texts):
        alone = shingle_hashes([text])[0]
        assert hashes[starts[number] : starts[number + 1]].tolist() == alone.tolist()


def test_case_and_punctuation_do_not_tell_texts_apart() -> None:
    assert shingle_set("Returns the list, of all buckets.") == shingle_set(
        "returns THE list of all: buckets"
    )


def test_jaccard_is_the_share_of_shingles_in_common() -> None:
    left, right = shingle_set(words(*range(10))), shingle_set(words(*range(2, 12)))
    assert jaccard(left, right) == pytest.approx(4 / 8)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.9, 1.0])
def test_bands_miss_hardly_any_pair_at_the_threshold(threshold: float) -> None:
    bands = Bands.for_threshold(threshold)
    assert bands.bands * bands.rows <= 128
    assert (1 - threshold**bands.rows) ** bands.bands <= MISSED


def test_similar_rows_share_a_group_and_others_do_not() -> None:
    texts = [
        words(*range(100)),
        words(*range(200, 300)),
        words(*range(99), 500),
        words(*range(50), *range(600, 650)),
    ]
    bands = Bands.for_threshold(0.8)
    groups = group_similar(band_hashes(texts, bands), texts.__getitem__, 0.8)
    assert groups.roots().tolist() == [0, 1, 0, 3]
    assert groups.merged == 1


def test_what_banding_proposes_is_verified() -> None:
    texts = [words(*range(10)), words(*range(100, 110))]
    equal = np.zeros((2, 3), dtype=np.uint64)
    groups = group_similar(equal, texts.__getitem__, 0.8)
    assert groups.roots().tolist() == [0, 1]


def test_a_group_is_named_by_its_earliest_row() -> None:
    groups = Groups.of(5)
    groups.union(4, 3)
    groups.union(3, 1)
    groups.union(1, 4)
    assert groups.roots().tolist() == [0, 1, 2, 1, 1]
    assert groups.merged == 2
