"""Which steps people see."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.results.model import StepResult
from orchestrator.results.shown import shown_steps

GATE = StepResult("exam-gate", "Condition", condition_outcome=True, status="Succeeded")
DOOR = StepResult(
    "publish-unless-smoke",
    "Condition",
    condition_outcome=True,
    status="Succeeded",
    branch=("exam-gate", "if"),
)
PUBLISH = StepResult("publish", "RegisterModel", branch=("publish-unless-smoke", "if"))
FAIL = StepResult("exam-gate-failed", "Fail", branch=("exam-gate", "else"))


def test_a_door_that_let_pass_is_not_seen_and_what_is_behind_it_moves_up() -> None:
    shown = shown_steps([GATE, DOOR, PUBLISH, FAIL])
    assert [step.name for step in shown] == ["exam-gate", "publish"]
    assert shown[1].branch == ("exam-gate", "if")


def test_what_kept_something_out_or_failed_is_seen() -> None:
    kept_out = replace(DOOR, condition_outcome=False)
    failed = replace(FAIL, status="Failed")
    steps = [GATE, kept_out, PUBLISH, failed]
    assert shown_steps(steps) == steps
