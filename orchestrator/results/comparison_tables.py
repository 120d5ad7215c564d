"""Two executions side by side, as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from orchestrator.results.comparison_text import readable_changes, signed, verdict_words
from orchestrator.results.figures import duration, number, shortened
from orchestrator.results.tables import new_table, status_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from orchestrator.results.comparison import Change, Comparison, MetricChange
    from orchestrator.results.model import StepResult

MOST_CHANGES = 12
"""Of a step; a new version of a script may change many files."""
MOST_CHARACTERS = 60
"""Of one value."""
_STYLES = {"better": "green", "worse": "bold red"}


def comparison_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield what went in, what came of it and how long it took; only tables that have rows.

    Metrics that are the same in both are left out.
    """
    changed = changes_table(comparison)
    moved = [one for one in comparison.metrics if one.is_headline and one.verdict != "same"]
    measured = metrics_table("Metrics that differ", moved)
    scored = metrics_table("Evaluation", comparison.tasks)
    yield from (
        one for one in (changed, measured, scored, times_table(comparison)) if one.row_count
    )


def changes_table(comparison: Comparison) -> Table:
    """Return what differs of the executions, then of each step."""
    found = new_table("What went in")
    for heading in ("step", "what", "A", "B"):
        found.add_column(heading, overflow="fold")
    for change in comparison.changes:
        if change.name != "definition SHA-256":  # It follows from the others.
            found.add_row("", *_change(change))
    for pair in comparison.steps:
        changes = readable_changes(pair.changes or ())
        for change in changes[:MOST_CHANGES]:
            found.add_row(Text(pair.name), *_change(change))
        if len(changes) > MOST_CHANGES:
            found.add_row(Text(pair.name), f"{len(changes) - MOST_CHANGES} more", "", "")
    return found


def metrics_table(title: str, metrics: Sequence[MetricChange]) -> Table:
    """Return one row for each metric: A, B, the difference, and what it is worth."""
    found = new_table(title)
    found.add_column("step", overflow="fold")
    found.add_column("metric", overflow="fold")
    for heading in ("A", "B", "B less A"):
        found.add_column(heading, justify="right", no_wrap=True)
    found.add_column("verdict", overflow="fold")
    for one in metrics:
        values = (number(row.value if row else None) for row in (one.before, one.after))
        style = _STYLES.get(one.verdict, "") if one.is_beyond else ""
        verdict = Text(verdict_words(one), style=style)
        found.add_row(Text(one.step), Text(one.name), *values, signed(one.difference), verdict)
    return found


def times_table(comparison: Comparison) -> Table:
    """Return how long each step took in both."""
    found = new_table("Time per step")
    found.add_column("step", overflow="fold")
    for heading in ("A", "B"):
        found.add_column(heading, justify="right", no_wrap=True)
        found.add_column("", overflow="fold")
    for pair in comparison.steps:
        sides = (pair.before, pair.after)
        if any(one and not one.goes_without_saying for one in sides):
            found.add_row(Text(pair.name), *_time(pair.before), *_time(pair.after))
    return found


def _change(change: Change) -> tuple[Text, Text, Text]:
    return Text(change.name), _value(change.before), _value(change.after)


def _value(value: str | None) -> Text:
    if value is None:
        return Text("not there", style="dim")
    return Text(shortened(value, MOST_CHARACTERS))


def _time(step: StepResult | None) -> tuple[str, Text]:
    if step is None:
        return "-", Text("no such step", style="dim")
    if step.cached:
        return duration(step.seconds), Text("cached", style="green")
    return duration(step.seconds), status_text(step.status)
