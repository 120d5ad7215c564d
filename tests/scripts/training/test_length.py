from __future__ import annotations

import pytest

from training_scripts.reinforcement.length import (
    LengthWatch,
    correlation,
    length_metrics,
    length_warning,
)


def test_rewards_are_compared_among_completions_of_one_prompt() -> None:
    watch = LengthWatch()
    # The second prompt has longer answers and lower rewards; within a prompt they rise together.
    watch.see([5.0, 6.0, 1.0, 2.0], [1, 2, 11, 12], group=2)
    assert watch.row() == {
        "completion_length": 6.5,
        "reward_length_correlation": pytest.approx(1),
    }
    assert watch.row() == {}


def test_nothing_is_said_of_what_never_varies() -> None:
    assert correlation([(0.0, 1.0), (0.0, -1.0)]) is None
    assert correlation([]) is None


def rows(related: float, lengths: list[float]) -> list[dict[str, float]]:
    return [{"completion_length": n, "reward_length_correlation": related} for n in lengths]


def test_a_run_whose_rewarded_length_grows_is_warned_about_with_both_numbers() -> None:
    told = length_metrics(rows(0.91, [10, 12, 20, 24]))
    assert told == {
        "reward_length_correlation": pytest.approx(0.91),
        "completion_length_growth": pytest.approx(1.4),
    }
    said = length_warning(told)
    assert said is not None
    assert "a correlation of 0.91, and completions grew by 140% in training" in said


@pytest.mark.parametrize(
    ("related", "lengths"), [(0.91, [10, 10, 10, 11]), (0.2, [10, 12, 20, 24]), (-0.9, [10, 30])]
)
def test_growth_or_correlation_alone_is_no_warning(related: float, lengths: list[float]) -> None:
    assert length_warning(length_metrics(rows(related, lengths))) is None
