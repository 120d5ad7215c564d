"""Where a run is shown: a cell of a notebook that is drawn anew in place, or else the terminal.

IPython is never loaded for this: in a notebook it is there already.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from orchestrator.local.clock import SystemClock
from orchestrator.results.cell import lines_html, problems_html, progress_html, summary_html
from orchestrator.results.events import StepLog, StepProgress
from orchestrator.results.figures import duration, plural
from orchestrator.results.live import live_display
from orchestrator.results.progress import Progress
from orchestrator.results.tables import steps_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from orchestrator.errors import Problem
    from orchestrator.results.events import Event, Listener
    from orchestrator.results.model import ExecutionResult

DRAW_EVERY = timedelta(seconds=0.5)
"""At most this often for a step's progress; what changes a step's state is drawn at once."""


class Display(Protocol):
    """Shows one run."""

    def warn(self, problems: Sequence[Problem]) -> None:
        """Show what is doubtful in the spec."""

    def tell(self, title: str, lines: Sequence[str]) -> None:
        """Show what is done, a line for each thing."""

    def running(self) -> AbstractContextManager[Listener]:
        """Return a context in which the listener that it gives shows what happens."""

    def end(self, result: ExecutionResult) -> None:
        """Show how it ended."""


def current_display() -> Display:
    """Return the display of the program that runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        return NotebookDisplay(Cell(import_module("IPython.display").display))
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    return TerminalDisplay(console)


class Cell:
    """One output of a notebook's cell, which `show` replaces.

    `display` is IPython's: it takes MIME types with their data, and returns a handle.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None

    def show(self, html: str, text: str) -> None:
        """Show `html`, or `text` where a front end shows no HTML."""
        data = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


class NotebookDisplay:
    """A run in a cell: graph in colours, loss of what trains, and at the end the answers."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._warnings: Sequence[Problem] = ()
        self._progress = Progress()
        self._drawn_at: datetime | None = None

    def warn(self, problems: Sequence[Problem]) -> None:
        """Keep what is doubtful: it stands above the graph from now on."""
        self._warnings = problems

    def tell(self, title: str, lines: Sequence[str]) -> None:
        """Show lines, below what is doubtful."""
        text = "\n".join(lines)
        self._cell.show(self._doubts() + lines_html(title, [text]), f"{title}\n{text}")

    @contextmanager
    def running(self) -> Iterator[Listener]:
        """Give the listener that draws."""
        yield self._listen

    def end(self, result: ExecutionResult) -> None:
        """Draw how it ended, with evaluation and answers side by side."""
        self._show(summary_html(result), result)

    def _listen(self, event: Event) -> None:
        if isinstance(event, StepLog):
            return
        self._progress = self._progress.after(event)
        lately = self._drawn_at is not None and event.at - self._drawn_at < DRAW_EVERY
        if not (lately and isinstance(event, StepProgress)):
            self._drawn_at = event.at
            self._show(progress_html(self._progress), self._progress.result)

    def _show(self, html: str, result: ExecutionResult | None) -> None:
        self._cell.show(self._doubts() + html, one_line(result) if result else "starting")

    def _doubts(self) -> str:
        return problems_html("warnings", self._warnings) if self._warnings else ""


class TerminalDisplay:
    """A run on a terminal: one table that is redrawn, or plain lines where that cannot be."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def warn(self, problems: Sequence[Problem]) -> None:
        """Print what is doubtful, one a line."""
        for problem in problems:
            self._console.print(f"warning {problem}", soft_wrap=True)

    def tell(self, title: str, lines: Sequence[str]) -> None:
        """Print lines."""
        self._console.print("\n".join((title, *lines)), soft_wrap=True)

    def running(self) -> AbstractContextManager[Listener]:
        """Give the listener that prints."""
        return live_display(self._console, SystemClock().now)

    def end(self, result: ExecutionResult) -> None:
        """Print a line for each step."""
        self._console.print(steps_table(result, width=self._console.width))


def one_line(result: ExecutionResult) -> str:
    """Return how far an execution is: `support: Succeeded, 4 of 4 steps, 12 s`."""
    # What everybody hopes for needs no line.
    steps = [step for step in result.steps if (step.type, step.status) != ("Fail", "NotStarted")]
    done = sum(step.status == "Succeeded" for step in steps)
    took = f", {duration(result.seconds)}" if result.seconds is not None else ""
    return f"{result.pipeline_name}: {result.status}, {done} of {plural(len(steps), 'step')}{took}"
