"""An execution as it happens: a table that redraws on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from orchestrator.results.board import Board, Row
from orchestrator.results.events import (
    Event,
    ExecutionStarted,
    StepEnded,
    StepProgress,
    StepRetried,
    StepStarted,
)
from orchestrator.results.figures import clock, duration, number, shortened
from orchestrator.results.notes import step_note
from orchestrator.results.smoke import DOOR
from orchestrator.results.tables import NARROW, WIDE, new_table, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from types import TracebackType

    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
    from rich.table import Table

    from orchestrator.results.events import Listener

BAR_WIDTH = 16
LEAST_BAR_WIDTH = 6
LONGEST_NAME = 16
"""Of a step, where there is little room."""
RIGHT = {"time", "loss", "tok/s", "tokens/s", "left"}
"""Columns of figures."""
REFRESHES_PER_SECOND = 4
"""Drawing takes time from the training beside it."""
RUNNING = {"Starting", "Executing", "Stopping"}
LINES_AROUND = 6
"""Title, heading and spacing of the table, and the line that says how many steps are not shown."""
LINE_EVERY = timedelta(seconds=5)
"""A step's progress is written at most this often where lines cannot be redrawn."""


@contextmanager
def live_display(console: Console, now: Callable[[], datetime]) -> Iterator[Listener]:
    """Give a listener that shows what happens: redrawn on a terminal, plain lines elsewhere."""
    if console.is_terminal and not console.is_dumb_terminal:
        with LiveBoard(console, now) as board:
            yield board
    else:
        yield PlainLines(console)


class PlainLines:
    """A listener that writes one line for each thing that happened."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, datetime] = {}

    def __call__(self, event: Event) -> None:
        """Write what `event` is worth."""
        line = self._line(event)
        if line:
            self._console.print(Text(line), soft_wrap=True)

    def _line(self, event: Event) -> str:
        match event:
            case ExecutionStarted(result=result):
                return f"execution {result.execution_id} of {result.pipeline_name} started"
            case StepStarted(step=name) if name.endswith(DOOR):
                return ""
            case StepEnded(result=step) if step.goes_without_saying:
                return ""
            case StepStarted():
                again = f", attempt {event.attempt}" if event.attempt > 1 else ""
                return f"{event.step}: started ({event.type}{again})"
            case StepProgress():
                return self._progress(event)
            case StepRetried():
                wait = duration(event.wait_seconds)
                return f"{event.step}: {event.reason}; attempt {event.attempt + 1} in {wait}"
            case StepEnded(result=step):
                state = status_text(step.status, cached=step.cached).plain
                note = step_note(step)
                return f"{step.name}: {state}, {duration(step.seconds)}" + (
                    f", {note}" if note else ""
                )
            case _:
                return ""

    def _progress(self, event: StepProgress) -> str:
        last = self._last.get(event.step)
        is_last = event.total > 0 and event.current >= event.total
        if last is not None and event.at - last < LINE_EVERY and not is_last:
            return ""
        self._last[event.step] = event.at
        of_total = f"/{event.total}" if event.total else ""
        parts = [f"{event.step}: step {event.current}{of_total}"]
        parts += [f"{name} {number(value)}" for name, value in event.metrics.items()]
        if event.tokens_per_second is not None:
            parts.append(f"{number(round(event.tokens_per_second))} tokens/s")
        if event.seconds_left is not None:
            parts.append(f"{duration(event.seconds_left)} left")
        return ", ".join(parts)


class LiveBoard:
    """A listener that redraws one table; a context manager, so that the terminal is given back."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self._board = Board()
        self._now = now
        self._live = Live(
            self, console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True
        )

    def __call__(self, event: Event) -> None:
        """Take `event` in; the next redraw shows it."""
        self._board = self._board.after(event)

    def __enter__(self) -> LiveBoard:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield board_table(
            self._board,
            now=self._now(),
            width=options.max_width,
            height=console.height,
            ascii_only=options.ascii_only,
        )


def board_table(
    board: Board, *, now: datetime, width: int, height: int = 1000, ascii_only: bool = False
) -> Table:
    """Return the board as a table that fits the terminal; `now` gives running steps a time."""
    rows = shown_rows(board, most=max(height - LINES_AROUND, 1))
    headings = _headings(width)
    beside = [_cells_beside(row, now, width=width) for row in rows]
    gap = 2 if width >= WIDE else 1
    columns = zip(headings, *beside, strict=True)
    taken = sum(max(len(cell) for cell in column) + gap + 1 for column in columns)
    room = max(width - taken - 2, len("progress"))  # A blank column stands at either end.
    table = new_table(f"{board.pipeline_name}  {board.execution_id}", gap=gap)
    for heading in (*headings[:3], "progress", *headings[3:]):
        justify: JustifyMethod = "right" if heading in RIGHT else "left"
        table.add_column(heading, no_wrap=True, overflow="ellipsis", justify=justify)
    hidden = len(board.rows) - len(rows)
    if height < len(board.rows) + LINES_AROUND and hidden:
        table.caption = f"{len(rows)} of {len(board.rows)} steps shown"
    for row, cells in zip(rows, beside, strict=True):
        progress = _progress_cell(row, room=room, ascii_only=ascii_only)
        table.add_row(*cells[:3], progress, *cells[3:])
    return table


def _headings(width: int) -> tuple[str, ...]:
    speed = ("loss", "tokens/s" if width >= WIDE else "tok/s") if width >= NARROW else ()
    return ("step", "state", "time", *speed, "left")


def _cells_beside(row: Row, now: datetime, *, width: int) -> list[Text]:
    """Return the cells of a row, all but that of its progress, which takes what room is left."""
    name = row.name if width >= WIDE else shortened(row.name, LONGEST_NAME, ellipsis="..")
    state = _state(row, is_wide=width >= WIDE)
    cells = [Text(name), state, Text(clock(_elapsed(row, now)))]
    if width >= NARROW:
        speed = row.tokens_per_second
        cells.append(Text("" if row.loss is None else number(row.loss)))
        cells.append(Text("" if speed is None else number(round(speed))))
    return [*cells, Text(clock(row.seconds_left))]


def shown_rows(board: Board, *, most: int) -> list[Row]:
    """Return the rows to show, in order: running ones first of all, then the nearest to them.

    A Fail step is shown only once it is reached, a door of smoke runs never.
    """
    rows = [
        row
        for row in board.rows.values()
        if (row.type, row.status) != ("Fail", "NotStarted") and not row.name.endswith(DOOR)
    ]
    running = [index for index, row in enumerate(rows) if row.status in RUNNING]
    ended = [index for index, row in enumerate(rows) if row.status not in {*RUNNING, "NotStarted"}]
    centre = (running or ended[-1:] or [0])[0]
    nearest = sorted(range(len(rows)), key=lambda at: (at not in running, abs(at - centre)))
    return [rows[index] for index in sorted(nearest[:most])]


def bar(current: int, total: int, *, width: int = BAR_WIDTH, ascii_only: bool = False) -> str:
    """Return a bar `width` wide; full at or beyond `total`."""
    filled = round(width * min(max(current, 0) / total, 1.0)) if total > 0 else 0
    done, left = ("#", ".") if ascii_only else ("━", "╌")
    return done * filled + left * (width - filled)


def _state(row: Row, *, is_wide: bool) -> Text:
    if row.status == "NotStarted":
        return Text("waiting", style="dim")
    if row.cached and not is_wide:
        return Text("cached", style="green")
    return status_text(row.status, cached=row.cached)


def _elapsed(row: Row, now: datetime) -> float | None:
    if row.status == "Executing" and row.started_at is not None:
        return (now - row.started_at).total_seconds()
    return row.seconds


def _progress_cell(row: Row, *, room: int, ascii_only: bool) -> Text:
    if row.note:
        ellipsis = "..." if ascii_only else "…"
        return Text(shortened(row.note, room, ellipsis=ellipsis), style="dim")
    if row.status != "Executing" or not row.current:
        return Text("")
    counted = f"{row.current}/{row.total}" if row.total else f"{row.current}"
    width = min(room - len(counted) - 1, BAR_WIDTH)
    if not row.total or width < LEAST_BAR_WIDTH:
        return Text(counted)
    drawn = bar(row.current, row.total, width=width, ascii_only=ascii_only)
    return Text(f"{drawn} {counted}", style="cyan")
