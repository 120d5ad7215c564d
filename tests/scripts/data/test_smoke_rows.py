"""Few rows, and some on every side."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training_scripts.data.smoke_rows import FEWEST, few_rows
from training_scripts.data.split import Shares, side_of


@given(
    groups=st.integers(3, 400),
    size=st.integers(1, 5),
    validation=st.sampled_from([0.01, 0.1, 0.3]),
    test=st.sampled_from([0.01, 0.1, 0.3]),
)
def test_every_side_has_rows_and_groups_stay_together(
    groups: int, size: int, validation: float, test: float
) -> None:
    shares = Shares(validation, test)
    keys = [f"group-{number % groups}" for number in range(groups * size)]
    rows, kept = few_rows(keys, shares, 100)
    sides = Counter(side_of(key, shares) for key in kept)
    assert set(sides) == {"train", "validation", "test"}
    assert len(rows) <= 100 + 2 * FEWEST
    assert rows == sorted(set(rows))
    renamed = {keys[row]: key for row, key in zip(rows, kept, strict=True)}
    assert all(renamed[keys[row]] == key for row, key in zip(rows, kept, strict=True))


def test_a_side_that_the_real_run_leaves_empty_stays_empty() -> None:
    shares = Shares(0.1, 0.0)
    _, kept = few_rows([str(number) for number in range(500)], shares, 50)
    assert {side_of(key, shares) for key in kept} == {"train", "validation"}


def test_one_group_alone_cannot_be_split() -> None:
    assert few_rows(["all"] * 5, Shares(0.1, 0.1), 50) == ([0, 1, 2, 3, 4], ["all"] * 5)
