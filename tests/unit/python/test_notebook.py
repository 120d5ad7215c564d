"""Where a run is shown: one output of a notebook that is replaced, or lines of a terminal."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from orchestrator.errors import Problem
from orchestrator.python.notebook import (
    Cell,
    NotebookDisplay,
    TerminalDisplay,
    current_display,
    one_line,
)
from orchestrator.results.events import (
    ExecutionEnded,
    ExecutionStarted,
    StepEnded,
    StepLog,
    StepProgress,
    StepStarted,
)
from orchestrator.results.model import ExecutionResult, StepResult

BEGUN = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
SFT = StepResult("sft", "Training")
STARTED = ExecutionResult("1a2b", "support", "Executing", BEGUN, steps=(SFT,))


class Screen:
    """IPython's `display`, and the handle that it returns."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.outputs = 0

    def __call__(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Screen:
        assert (raw, display_id) == (True, True)
        self.outputs += 1
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


def progress(step: int, seconds: float, **fields: Any) -> StepProgress:
    at = BEGUN + timedelta(seconds=seconds)
    return StepProgress("sft", step, 40, at, {"train/loss": 3.0 - step / 40}, **fields)


def test_a_run_is_one_output_that_is_drawn_anew() -> None:
    screen = Screen()
    display = NotebookDisplay(Cell(screen))
    with display.running() as listener:
        listener(ExecutionStarted(STARTED, BEGUN))
        listener(StepStarted("sft", "Training", 1, BEGUN))
        listener(progress(10, 1, seconds_left=63.0, tokens_per_second=5400.2))
        listener(progress(20, 2))
        listener(StepLog("sft", "hello", BEGUN))
    assert screen.outputs == 1
    assert len(screen.shown) == 4
    waiting, begun, first, second = (data["text/html"] for data in screen.shown)
    assert 'class="node NotStarted"' in waiting
    assert 'class="node Executing"' in begun
    assert "10 of 40" in first
    assert "loss 2.75" in first
    assert "5,400 tokens/s" in first
    assert "1:03 left" in first
    assert "<polyline" in second
    ended = replace(SFT, status="Succeeded", metrics={"eval/loss": 2.0})
    over = replace(STARTED, status="Succeeded", steps=(ended,), ended_at=BEGUN)
    listener(StepEnded(ended, BEGUN))
    listener(ExecutionEnded(over, BEGUN))
    display.end(over)
    assert screen.outputs == 1
    assert 'class="node Succeeded"' in screen.shown[-1]["text/html"]
    assert screen.shown[-1]["text/plain"] == "support: Succeeded, 1 of 1 step, 0.0 s"


def test_progress_is_drawn_twice_a_second_at_most() -> None:
    screen = Screen()
    with NotebookDisplay(Cell(screen)).running() as listener:
        listener(ExecutionStarted(STARTED, BEGUN))
        for at in range(100):
            listener(progress(at, at / 100))
    assert len(screen.shown) == 2


def test_warnings_stand_above_the_graph() -> None:
    screen = Screen()
    display = NotebookDisplay(Cell(screen))
    display.warn([Problem("steps.sft", "it <waits> for nothing", "Wait.")])
    display.end(STARTED)
    html = screen.shown[-1]["text/html"]
    assert "steps.sft: it &lt;waits&gt; for nothing. Wait." in html
    assert html.index("&lt;waits&gt;") < html.index("<svg")


def test_a_program_without_a_terminal_gets_plain_lines() -> None:
    written = io.StringIO()
    display = TerminalDisplay(Console(file=written, width=80, markup=False, highlight=False))
    display.warn([Problem("steps.sft", "it [waits]")])
    with display.running() as listener:
        listener(ExecutionStarted(STARTED, BEGUN))
        listener(progress(10, 1))
    display.end(replace(STARTED, steps=(replace(SFT, status="Succeeded"),)))
    lines = [line.strip() for line in written.getvalue().splitlines() if line.strip()]
    assert lines[:3] == [
        "warning steps.sft: it [waits].",
        "execution 1a2b of support started",
        "sft: step 10/40, train/loss 2.75",
    ]
    assert lines[-1].split() == ["sft", "succeeded", "-"]


def test_a_gate_that_nobody_failed_is_no_step_to_wait_for() -> None:
    fail = StepResult("exam-gate-failed", "Fail")
    assert one_line(replace(STARTED, steps=(SFT, fail))) == "support: Executing, 0 of 1 step"


def test_without_a_notebook_nothing_of_it_is_loaded() -> None:
    assert isinstance(current_display(), TerminalDisplay)
    program = (
        "import sys, orchestrator.python.pipeline as p; p.current_display(); "
        "print({'IPython', 'pandas', 'pyarrow', 'numpy', 'ipykernel'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, text=True, capture_output=True
    )
    assert done.stdout == "set()\n"
