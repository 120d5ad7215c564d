from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_scripts.evaluation.rouge import longest_common_subsequence, rouge_l

RECORDED = json.loads((Path(__file__).parent / "rouge_score.json").read_text(encoding="utf-8"))
LETTERS = st.lists(st.sampled_from("abc"), max_size=9)


@pytest.mark.parametrize(("expected", "found", "value"), RECORDED["cases"])
def test_rouge_l_is_what_rouge_score_says(expected: str, found: str, value: float) -> None:
    assert rouge_l(expected, found) == pytest.approx(value, abs=1e-9)


def test_rouge_l_is_what_the_paper_works_out() -> None:
    # Lin 2004, section 3.1: three of four words in order, gaps allowed.
    assert rouge_l("police killed the gunman", "police kill the gunman") == pytest.approx(0.75)
    assert rouge_l("police killed the gunman", "the gunman kill police") == pytest.approx(0.5)


@given(LETTERS, LETTERS)
def test_a_common_subsequence_is_as_long_as_trying_all_of_them_finds(
    first: list[str], second: list[str]
) -> None:
    def longest(a: list[str], b: list[str]) -> int:
        if not a or not b:
            return 0
        if a[0] == b[0]:
            return 1 + longest(a[1:], b[1:])
        return max(longest(a[1:], b), longest(a, b[1:]))

    assert longest_common_subsequence(first[:7], second[:7]) == longest(first[:7], second[:7])
