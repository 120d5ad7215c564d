from __future__ import annotations

import numpy as np
import pytest

from training_scripts.evaluation.intervals import ratio_interval


def test_the_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(3).random(400)

    found = ratio_interval(values, confidence=0.95, seed=0)

    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_nineteen_intervals_of_twenty_hold_the_true_accuracy() -> None:
    draw = np.random.default_rng(11)
    trials = 300
    held = 0
    for trial in range(trials):
        right = (draw.random(150) < 0.7).astype(float)
        found = ratio_interval(right, confidence=0.95, seed=trial)
        held += found.low <= 0.7 <= found.high

    assert 0.91 <= held / trials <= 0.985


def test_a_ratio_weighs_each_row_by_its_tokens() -> None:
    found = ratio_interval([10.0, 1.0], [5, 1], confidence=0.95, seed=0)

    assert found.value == pytest.approx(11 / 6)
    assert found.low == pytest.approx(1.0)
    assert found.high == pytest.approx(2.0)


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    draw = np.random.default_rng(5)
    base = (draw.random(300) < 0.6).astype(float)
    model = np.maximum(base, (draw.random(300) < 0.1).astype(float))

    difference = ratio_interval(model - base, confidence=0.95, seed=1)
    own = ratio_interval(model, confidence=0.95, seed=1)

    assert difference.low > 0
    assert difference.high - difference.low < own.high - own.low


def test_more_confidence_asks_for_a_wider_interval() -> None:
    values = np.random.default_rng(0).random(50)

    narrow = ratio_interval(values, confidence=0.8, seed=0)
    wide = ratio_interval(values, confidence=0.99, seed=0)

    assert wide.low < narrow.low < narrow.high < wide.high


def test_no_rows_have_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one row, found none"):
        ratio_interval([], confidence=0.95, seed=0)
