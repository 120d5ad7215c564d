"""Times, counts and metrics as people read them."""

from __future__ import annotations

import pytest

from orchestrator.results.figures import clock, duration, number, plural, score, shortened


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (151, "2 min 31 s"),
     (7620, "2 h 07 min"), (None, "-"), (float("nan"), "-")],
)  # fmt: skip
def test_a_duration_is_written_in_its_largest_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.2, "0:07"), (151, "2:31"), (3727, "1:02:07"), (None, ""), (-3, "0:00")]
)
def test_a_clock_fits_where_there_is_little_room(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(5400.0, "5,400"), (5400.4, "5,400"), (3.41592, "3.416"), (0.00002, "2e-05"), (0, "0"),
     (float("inf"), "-"), (None, "-")],
)  # fmt: skip
def test_a_number_keeps_four_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_scores_line_up_in_a_column() -> None:
    assert [score(0.9), score(0.9514), score(None)] == ["0.900", "0.951", "-"]


def test_one_step_is_not_plural() -> None:
    assert (plural(1, "step"), plural(1200, "step")) == ("1 step", "1,200 steps")


def test_a_long_text_ends_in_an_ellipsis_within_its_width() -> None:
    assert shortened("publish-RegisterModel", 8) == "publish…"
    assert shortened("short", 8) == "short"
