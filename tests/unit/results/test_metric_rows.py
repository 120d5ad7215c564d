"""Metrics with their intervals and gates."""

from __future__ import annotations

import pytest

from orchestrator.results.metric_rows import direction, gate_checks, metric_rows
from orchestrator.results.model import StepResult

EXAM = StepResult(
    "exam", "Processing", "Succeeded",
    metrics={"accuracy": 0.75266667, "accuracy.low": 0.73, "accuracy.high": 0.77, "leaked": 0},
)  # fmt: skip


def gate(*conditions: str, outcome: bool | None = True) -> StepResult:
    return StepResult(
        "exam-gate", "Condition", "Succeeded", depends_on=("exam",), conditions=conditions,
        condition_outcome=outcome,
    )  # fmt: skip


def test_a_comparison_is_read_with_the_value_the_step_measured() -> None:
    (check,) = gate_checks([EXAM, gate("accuracy 0.752667 >= 0.6")])
    assert (check.step, check.metric, check.value) == ("exam", "accuracy", 0.75266667)
    assert (check.asked, check.bound, check.outcome) == ("at least", 0.6, True)
    assert check.margin == pytest.approx(0.15266667)


def test_a_bound_may_be_a_metric() -> None:
    (check,) = gate_checks([EXAM, gate("accuracy 0.752667 > champion.accuracy 0.7")])
    assert (check.against, check.bound) == ("champion.accuracy", 0.7)


def test_of_a_gate_that_missed_only_what_missed_is_to_blame() -> None:
    missed = gate("leaked 0 <= 0", "accuracy 0.752667 >= 0.8", outcome=False)
    leaked, accuracy = gate_checks([EXAM, missed])
    assert (leaked.outcome, leaked.margin) == (True, 0)
    assert (accuracy.outcome, accuracy.margin) == (False, pytest.approx(-0.04733333))


def test_a_condition_that_is_no_comparison_keeps_its_text() -> None:
    (check,) = gate_checks([gate("eu-west-1 in (eu-west-1, us-east-1)")])
    assert (check.text, check.value, check.margin) == (
        "eu-west-1 in (eu-west-1, us-east-1)", None, None,
    )  # fmt: skip
    assert check.outcome is True


def test_a_value_that_no_step_measured_is_named_by_no_step() -> None:
    (check,) = gate_checks([EXAM, gate("accuracy 0.5 >= 0.4")])
    assert (check.step, check.value) == ("", 0.5)


def test_the_ends_of_an_interval_are_folded_into_their_metric() -> None:
    checks = gate_checks([EXAM, gate("leaked 0 <= 0")])
    accuracy, leaked = metric_rows(EXAM.metrics, checks)
    assert (accuracy.name, accuracy.low, accuracy.high) == ("accuracy", 0.73, 0.77)
    assert (leaked.name, leaked.low, leaked.checks) == ("leaked", None, checks)
    assert [row.name for row in metric_rows({"ebb.low": 1.0})] == ["ebb.low"]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("eval/loss", -1),
        ("base.perplexity", -1),
        ("accuracy.choice", 1),
        ("rows", 0),
        ("glossy", 0),
    ],
)
def test_which_way_is_better_is_known_of_usual_names(name: str, way: int) -> None:
    assert direction(name) == way


def test_a_gate_says_which_way_is_better() -> None:
    checks = gate_checks([EXAM, gate("leaked 0 <= 0")])
    assert direction("leaked", checks) == -1
