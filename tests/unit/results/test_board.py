"""What is known of each step while an execution runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.results.board import Board
from orchestrator.results.events import (
    ExecutionEnded,
    ExecutionStarted,
    StepEnded,
    StepLog,
    StepProgress,
    StepRetried,
    StepStarted,
)

if TYPE_CHECKING:
    from orchestrator.results.events import Event
    from orchestrator.results.model import ExecutionResult

AT = datetime(2026, 3, 4, 9, 31, tzinfo=UTC)


def board_after(*events: Event) -> Board:
    board = Board()
    for event in events:
        board = board.after(event)
    return board


def test_rows_keep_the_definition_order(failed: ExecutionResult) -> None:
    board = board_after(ExecutionStarted(failed, AT), StepStarted("exam", "Processing", 1, AT))
    assert list(board.rows) == [step.name for step in failed.steps]


def test_a_step_that_starts_is_executing(failed: ExecutionResult) -> None:
    board = board_after(ExecutionStarted(failed, AT), StepStarted("exam", "Processing", 2, AT))
    assert board.row("exam").status == "Executing"
    assert board.row("exam").attempt == 2


def test_progress_without_a_loss_keeps_the_last_loss() -> None:
    board = board_after(
        StepStarted("sft", "Training", 1, AT),
        StepProgress("sft", 10, 40, AT, {"train/loss": 2.5}, 5400.0, 30.0),
        StepProgress("sft", 20, 40, AT, {"eval/loss": 2.7}, None, 20.0),
    )
    row = board.row("sft")
    assert (row.current, row.loss, row.tokens_per_second, row.seconds_left) == (20, 2.5, 5400, 20)
    assert row.type == "Training"


def test_a_retry_says_when_the_next_attempt_comes() -> None:
    board = board_after(
        StepStarted("sft", "Training", 1, AT), StepRetried("sft", 1, "killed", 5.0, AT)
    )
    assert board.row("sft").note == "attempt 1 failed, next in 5 s"


def test_a_failed_step_shows_the_first_line_of_its_reason(failed: ExecutionResult) -> None:
    step = replace(failed.step("sft"), failure_reason="nan loss\nTraceback ...")
    board = board_after(StepEnded(step, AT))
    assert board.row("sft").note == "nan loss"


def test_a_log_line_changes_nothing(failed: ExecutionResult) -> None:
    before = board_after(ExecutionStarted(failed, AT))
    assert before.after(StepLog("sft", "hello", AT)) is before


def test_the_end_replaces_what_was_known(succeeded: ExecutionResult) -> None:
    board = board_after(StepProgress("sft", 1, 2, AT, {}), ExecutionEnded(succeeded, AT))
    assert {row.status for row in board.rows.values()} == {"Succeeded", "NotStarted"}
