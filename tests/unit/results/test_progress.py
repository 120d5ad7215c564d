"""What is known of an execution as its events come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.results.events import (
    ExecutionStarted,
    StepEnded,
    StepLog,
    StepProgress,
    StepRetried,
    StepStarted,
)
from orchestrator.results.model import ExecutionResult, StepResult
from orchestrator.results.progress import MOST_POINTS, Progress

AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
SPLIT, SFT = StepResult("split", "Processing"), StepResult("sft", "Training")
STARTED = ExecutionStarted(ExecutionResult("1a", "x", "Executing", AT, steps=(SPLIT, SFT)), AT)


def states(progress: Progress) -> list[str]:
    assert progress.result is not None
    return [step.status for step in progress.result.steps]


def loss(step: int, value: float, name: str = "train/loss") -> StepProgress:
    return StepProgress("sft", step, 1000, AT, {name: value})


def test_each_step_has_the_state_that_it_was_last_told_to_have() -> None:
    begun = Progress().after(STARTED).after(StepStarted("split", "Processing", 1, AT))
    assert states(begun) == ["Executing", "NotStarted"]
    again = begun.after(StepRetried("split", 1, "it was throttled", 3.0, AT))
    assert states(again) == ["Starting", "NotStarted"]
    ended = again.after(StepEnded(replace(SPLIT, status="Succeeded"), AT))
    assert states(ended) == ["Succeeded", "NotStarted"]
    assert states(ended.after(StepLog("sft", "x", AT))) == ["Succeeded", "NotStarted"]
    assert ended.board.rows["split"].status == "Succeeded"


def test_losses_are_kept_by_step_and_begin_anew_with_an_attempt() -> None:
    known = Progress().after(STARTED).after(loss(1, 3.0)).after(loss(2, 2.5, "loss"))
    known = known.after(loss(3, 9.0, "eval/loss"))
    assert known.losses == {"sft": ((1.0, 3.0), (2.0, 2.5))}
    assert known.after(StepStarted("sft", "Training", 2, AT)).losses == {}


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    known = Progress().after(STARTED)
    for step in range(5 * MOST_POINTS):
        known = known.after(loss(step, float(step)))
    points = known.losses["sft"]
    assert MOST_POINTS // 2 <= len(points) <= MOST_POINTS
    assert (points[0], points[-1]) == ((0.0, 0.0), (5.0 * MOST_POINTS - 1, 5.0 * MOST_POINTS - 1))
    assert list(points) == sorted(points)


def test_events_before_the_start_are_taken() -> None:
    assert Progress().after(StepStarted("sft", "Training", 1, AT)).result is None
