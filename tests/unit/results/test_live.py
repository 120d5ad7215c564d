"""An execution as it happens, on terminals of several kinds."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from orchestrator.results.board import Board
from orchestrator.results.events import (
    ExecutionEnded,
    ExecutionStarted,
    StepEnded,
    StepProgress,
    StepRetried,
    StepStarted,
)
from orchestrator.results.live import LiveBoard, PlainLines, bar, board_table, shown_rows

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult

AT = datetime(2026, 3, 4, 9, 31, tzinfo=UTC)


def running(result: ExecutionResult) -> Board:
    board = Board().after(ExecutionStarted(result, AT))
    board = board.after(StepStarted("exam", "Processing", 1, AT))
    return board.after(StepProgress("exam", 12, 160, AT, {"train/loss": 2.125}, 5400.2, 33.3))


def drawn(board: Board, *, width: int, ascii_only: bool = False) -> str:
    encoding = "ascii" if ascii_only else "utf-8"
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width)
    now = AT + timedelta(seconds=61)
    console.print(board_table(board, now=now, width=width, ascii_only=ascii_only))
    return raw.getvalue().decode(encoding)


def test_a_running_step_shows_bar_loss_speed_and_time_left(failed: ExecutionResult) -> None:
    text = drawn(running(failed), width=120)
    line = next(line for line in text.splitlines() if line.startswith(" exam "))
    assert line.split() == ["exam", "executing", "1:01", "━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌", "12/160", "2.125",
                            "5,400", "0:33"]  # fmt: skip


@pytest.mark.parametrize("width", [80, 100])
def test_a_usual_terminal_cuts_no_figure_short(succeeded: ExecutionResult, width: int) -> None:
    steps = tuple(replace(step, cached=step.name == "sft") for step in succeeded.steps)
    board = running(replace(succeeded, steps=steps))
    board = board.after(StepRetried("sft", 1, "CapacityError: " + "x" * 99, 5.0, AT))
    text = drawn(board, width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    line = next(line for line in text.splitlines() if line.startswith(" exam "))
    assert line.split()[:3] == ["exam", "executing", "1:01"]
    assert line.split()[4:] == ["12/160", "2.125", "5,400", "0:33"]
    assert "tok/s" in text


def test_sixty_columns_hold_every_line(failed: ExecutionResult) -> None:
    text = drawn(running(failed), width=60)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert "12/160" in text
    assert "0:33" in text


def test_a_terminal_without_utf_8_gets_plain_characters(failed: ExecutionResult) -> None:
    text = drawn(running(failed), width=120, ascii_only=True)
    assert "#............... 12/160" in text


def test_a_bar_is_full_at_the_end_and_empty_without_a_total() -> None:
    assert bar(50, 40, width=4, ascii_only=True) == "####"
    assert bar(50, 0, width=4, ascii_only=True) == "...."


def test_a_low_terminal_shows_the_running_step_and_its_neighbours(failed: ExecutionResult) -> None:
    board = running(failed)
    names = [row.name for row in shown_rows(board, most=3)]
    assert names == ["sft", "exam", "exam-gate"]
    table = board_table(board, now=AT, width=100, height=9)
    assert table.row_count == 3
    assert table.caption == "3 of 12 steps shown"


def test_a_fail_step_is_shown_once_it_is_reached(failed: ExecutionResult) -> None:
    board = Board().after(ExecutionStarted(failed, AT))
    assert "exam-gate-failed" not in [row.name for row in shown_rows(board, most=99)]
    board = board.after(StepStarted("exam-gate-failed", "Fail", 1, AT))
    assert "exam-gate-failed" in [row.name for row in shown_rows(board, most=99)]


def lines_of(*events: object) -> list[str]:
    stream = io.StringIO()
    listener = PlainLines(Console(file=stream, width=50))
    for event in events:
        listener(event)  # type: ignore[arg-type]
    return stream.getvalue().splitlines()


def test_plain_lines_say_what_happened_without_wrapping(succeeded: ExecutionResult) -> None:
    lines = lines_of(
        ExecutionStarted(succeeded, AT),
        StepStarted("sft", "Training", 2, AT),
        StepProgress("sft", 10, 40, AT, {"train/loss": 2.5}, 5400.4, 30.0),
        StepRetried("sft", 2, "killed by signal 9", 5.0, AT),
        StepEnded(succeeded.step("pretrain"), AT),
        ExecutionEnded(succeeded, AT),
    )
    assert lines == [
        f"execution {succeeded.execution_id} of aws-docs-assistant started",
        "sft: started (Training, attempt 2)",
        "sft: step 10/40, train/loss 2.5, 5,400 tokens/s, 30 s left",
        "sft: killed by signal 9; attempt 3 in 5.0 s",
        "pretrain: succeeded, 2 min 31 s, eval/loss 3.51, train/loss 3.4",
    ]


def test_progress_is_written_every_five_seconds_and_at_the_end() -> None:
    lines = lines_of(
        *(StepProgress("sft", at, 10, AT + timedelta(seconds=at), {}) for at in range(1, 11))
    )
    assert lines == ["sft: step 1/10", "sft: step 6/10", "sft: step 10/10"]


def test_the_reason_of_a_failure_is_shown_as_it_is(failed: ExecutionResult) -> None:
    step = replace(failed.step("sft"), failure_reason="[red]no markup[/red]\nmore")
    assert lines_of(StepEnded(step, AT)) == ["sft: failed, 2 min 01 s, [red]no markup[/red]"]


def test_the_live_display_leaves_the_terminal_clean(failed: ExecutionResult) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True)
    live = LiveBoard(console, lambda: AT)
    with live:
        live(ExecutionStarted(failed, AT))
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert stream.getvalue().count(hidden) == stream.getvalue().count(shown) == 1
