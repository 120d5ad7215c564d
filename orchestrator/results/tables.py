"""Tables for a terminal: how an execution went, and how its model compares with baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from orchestrator.results.evaluation import BASELINES, EvaluationRow, Score
from orchestrator.results.figures import duration, plural, score
from orchestrator.results.notes import step_note
from orchestrator.results.shown import shown_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.results.model import ExecutionResult, StepResult

STATUS_STYLES = {
    "Succeeded": "green",
    "Executing": "cyan",
    "Starting": "cyan",
    "Failed": "bold red",
    "Stopping": "yellow",
    "Stopped": "yellow",
    "NotStarted": "dim",
}
VERDICT_STYLES = {"wins": "green", "loses": "bold red", "ties": "yellow"}
NARROW = 80
"""Columns below which a table drops what is not essential."""
GAP = 3
"""Between two columns."""
WIDE = 110
"""Columns from which a table has room for everything."""


def new_table(title: str = "", *, gap: int = 2) -> Table:
    """Return an empty table in the house form; columns stand `gap` + 1 apart."""
    return Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
        pad_edge=False, header_style="dim", padding=(0, 1, 0, gap - 1),
    )  # fmt: skip


def status_text(status: str, *, cached: bool = False) -> Text:
    """Return a step's state in its colour; the word says it all where there is no colour."""
    word = {"NotStarted": "not reached"}.get(status, status.lower())
    text = Text(word, style=STATUS_STYLES.get(status, ""))
    return text.append(" (cached)", style="dim") if cached else text


def steps_table(result: ExecutionResult, *, width: int) -> Table:
    """Return one row per step: state, time, and the numbers it left."""
    table = new_table("Steps")
    table.add_column("step", overflow="fold")
    if width >= WIDE:
        table.add_column("type", style="dim")
    table.add_column("status", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    if width >= NARROW:
        table.add_column("result", overflow="fold", ratio=1)
    # What everybody hopes for needs no line.
    shown = shown_steps(result.steps)
    rows = [_step_cells(step, is_wide=width >= WIDE) for step in shown]
    room = width - sum(max(map(len, column)) + GAP for column in zip(*rows, strict=True))
    for step, cells in zip(shown, rows, strict=True):
        # Why a step failed is a sentence, which the command says below the table.
        note = "" if step.status == "Failed" else step_note(step, room=room)
        table.add_row(*cells, *([Text(note)] if width >= NARROW else []))
    return table


def _step_cells(step: StepResult, *, is_wide: bool) -> list[Text]:
    status = status_text(step.status, cached=step.cached)
    if step.cached and not is_wide:
        status = Text("cached", style=status.style)
    types = [Text(step.type)] if is_wide else []
    return [Text(step.name), *types, status, Text(duration(step.seconds))]


def evaluation_table(rows: Iterable[EvaluationRow], *, title: str, width: int) -> Table:
    """Return the model beside its base and the simple baselines, and whether it loses to one."""
    rows = tuple(rows)
    shown = [name for name in BASELINES if any(name in row.baselines for row in rows)]
    if width < NARROW:
        return _narrow_evaluation_table(rows, title=title)
    table = new_table(title, gap=1)
    table.add_column("task", no_wrap=True, max_width=24, overflow="ellipsis")
    table.add_column("model", justify="right", no_wrap=True)
    for name in shown:
        # Two short lines take less room than one long one, and the cells have two anyway.
        heading = BASELINES[name].replace(" ", "\n")
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in rows:
        task = Text(row.task).append(f"\n{row.metric}, {plural(row.rows, 'row')}", style="dim")
        others = [score_text(row.baselines.get(name)) for name in shown]
        table.add_row(task, _model_text(row.model), *others, verdict_text(row))
    return table


def score_text(value: Score | None) -> str:
    """Return a score without its interval; `-` where there is none."""
    return "-" if value is None else score(value.value)


def verdict_text(row: EvaluationRow) -> Text:
    """Return `loses to majority`, `wins`, or nothing where there is no baseline."""
    best = row.best_baseline
    if best is None:
        return Text("")
    words = {"wins": "wins", "loses": "loses to ", "ties": "ties with "}[row.verdict]
    if row.verdict != "wins":
        words += BASELINES[best[0]]
    return Text(words, style=VERDICT_STYLES[row.verdict])


def _model_text(value: Score) -> Text:
    text = Text(score(value.value), style="bold")
    if value.low is not None and value.high is not None:
        # Not bold: the interval belongs to the number above it.
        text.append(f"\n{score(value.low)}-{score(value.high)}", style="not bold dim")
    return text


def _narrow_evaluation_table(rows: tuple[EvaluationRow, ...], *, title: str) -> Table:
    table = new_table(title)
    table.add_column("task", overflow="fold")
    table.add_column("model", justify="right", style="bold")
    table.add_column("best other", justify="right")
    table.add_column("verdict", overflow="fold")
    for row in rows:
        best = row.best_baseline
        other = "-" if best is None else score(best[1].value)
        table.add_row(
            Text(f"{row.task} {row.metric}"), score(row.model.value), other, verdict_text(row)
        )
    return table
