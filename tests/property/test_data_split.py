"""The split: rows do not move when data grow, and near-duplicates are never on two sides."""

from __future__ import annotations

import tempfile
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_scripts.data.formats import Sample
from training_scripts.data.prepare import Kept, choose, wanted_from
from training_scripts.data.similarity import jaccard, shingle_set
from training_scripts.data.split import Shares, side_of
from training_scripts.data.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.train

THRESHOLD = 0.7
SETTINGS: dict[str, Any] = {
    "format": "auto",
    "columns": {},
    "prompt_template": "plain",
    "system_prompt": None,
    "split": {"validation": 0.25, "test": 0.25, "seed": 0, "group_by": None},
    "deduplicate": "near",
    "near_duplicate_threshold": THRESHOLD,
    "max_rows": None,
    "min_characters": 1,
    "drop_ties": False,
}

# Few words and a few edits of few texts: most examples hold near-duplicates.
base = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=40)


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    roots = draw(st.lists(base, min_size=1, max_size=6))
    found = []
    for _ in range(draw(st.integers(min_value=1, max_value=20))):
        words = list(draw(st.sampled_from(roots)))
        for _ in range(draw(st.integers(min_value=0, max_value=3))):
            words[draw(st.integers(min_value=0, max_value=len(words) - 1))] = draw(
                st.sampled_from("xyz")
            )
        found.append(" ".join(words))
    return found


def chosen(
    rows: Sequence[str], groups: Sequence[str | None] | None = None, **changes: Any
) -> tuple[Kept, dict[str, str]]:
    """What is kept of the rows, and the side of each text kept."""
    values = {**SETTINGS, **changes}
    shares = Shares(0.25, 0.25)
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "rows")
        for number, text in enumerate(rows):
            spool.append(Sample(str(number), text=text, group=groups[number] if groups else None))
        kept = choose(spool, wanted_from(values))
        spool.close()
    sides = [side_of(key, shares) for key in kept.keys]
    return kept, {
        rows[number]: side for number, side in zip(kept.numbers.tolist(), sides, strict=True)
    }


@given(texts())
@settings(deadline=None)
def test_near_duplicates_are_never_on_two_sides(rows: list[str]) -> None:
    _, side = chosen(rows)
    for left, right in combinations(side, 2):
        if jaccard(shingle_set(left), shingle_set(right)) >= THRESHOLD:
            assert side[left] == side[right]


@given(texts(), texts())
@settings(deadline=None)
def test_rows_do_not_move_when_rows_are_added(rows: list[str], more: list[str]) -> None:
    _, before = chosen(rows, deduplicate="exact")
    _, after = chosen(rows + more, deduplicate="exact")
    assert before.items() <= after.items()


@given(texts(), texts())
@settings(deadline=None)
def test_groups_do_not_move_when_rows_are_added_unless_they_merge(
    rows: list[str], more: list[str]
) -> None:
    kept_before, before = chosen(rows)
    kept_after, after = chosen(rows + more)
    keys = dict(zip(kept_after.numbers.tolist(), kept_after.keys, strict=True))
    for number, key in zip(kept_before.numbers.tolist(), kept_before.keys, strict=True):
        merged = {
            other
            for old, other in zip(kept_before.numbers.tolist(), kept_before.keys, strict=True)
            if keys[old] == keys[number]
        }
        if merged == {key}:
            assert after[rows[number]] == before[rows[number]]


@given(texts(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_without_groups_the_order_of_rows_decides_nothing(rows: list[str], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert chosen(rows, deduplicate="exact")[1] == chosen(shuffled, deduplicate="exact")[1]


@given(texts())
@settings(deadline=None)
def test_equal_texts_are_kept_once_and_different_ones_all(rows: list[str]) -> None:
    for deduplicate in ("exact", "near"):
        kept, _ = chosen(rows, deduplicate=deduplicate)
        assert [rows[n] for n in kept.numbers.tolist()] == list(dict.fromkeys(rows))
    assert len(chosen(rows, deduplicate="none")[0].numbers) == len(rows)


@given(texts(), st.data())
@settings(deadline=None)
def test_equal_groups_are_on_one_side(rows: list[str], data: st.DataObject) -> None:
    names = st.lists(st.sampled_from("pqr"), min_size=len(rows), max_size=len(rows))
    groups = data.draw(names)
    split = {**SETTINGS["split"], "group_by": "g"}
    kept, side = chosen(rows, groups, split=split)
    for left, right in combinations(kept.numbers.tolist(), 2):
        if groups[left] == groups[right]:
            assert side[rows[left]] == side[rows[right]]


@given(texts(), st.integers(min_value=1, max_value=20))
@settings(deadline=None)
def test_max_rows_keeps_that_many_in_order(rows: list[str], max_rows: int) -> None:
    kept, _ = chosen(rows, max_rows=max_rows)
    numbers = kept.numbers.tolist()
    assert len(numbers) == min(max_rows, len(set(rows)))
    assert numbers == sorted(numbers)


@given(st.integers(min_value=0, max_value=2**32))
def test_the_share_of_each_side_is_what_was_asked(seed: int) -> None:
    shares = Shares(0.1, 0.2, seed)
    sides = [side_of(f"row {n}", shares) for n in range(2_000)]
    assert abs(sides.count("test") / 2_000 - 0.2) < 0.06
    assert abs(sides.count("validation") / 2_000 - 0.1) < 0.05
