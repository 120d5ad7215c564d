"""The first screens of a comparison: how B stands to A, and what went into them that differs."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.comparison_text import main_metric, readable_changes, signed, summary
from orchestrator.results.figures import duration, number, shortened
from orchestrator.results.page import Column, card, figures, pill, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.results.comparison import Change, Comparison, MetricChange, StepPair
    from orchestrator.results.model import ExecutionResult

MOST_FIGURES = 5


def top_html(comparison: Comparison) -> str:
    """Return what to mind, how B stands to A, and the numbers that moved."""
    main = main_metric(comparison)
    moved = main.verdict if main and main.is_beyond else ""
    kind = {"better": "Succeeded", "worse": "Failed"}.get(moved, "Even")
    remarks = "".join(
        f'<p class="verdict"><strong>Mind</strong> <span>{escape(one)}</span></p>'
        for one in comparison.remarks
    )
    names = [one.pipeline_name for one in (comparison.before, comparison.after)]
    heading = " and ".join(dict.fromkeys(names))
    shown = [one for one in comparison.metrics if one.is_headline and one.difference is not None]
    return (
        f"<h1>{escape(heading)}: A and B</h1>\n{remarks}"
        f'<p class="verdict {kind}"><strong>B beside A</strong> '
        f"<span>{escape(summary(comparison))}</span></p>\n"
        f"{_side('A', comparison.before)}{_side('B', comparison.after)}"
        f"{figures(_figures(shown, main))}\n"
    )


def changes_html(comparison: Comparison) -> str:
    """Return what differs of the executions, then of each step, and what is the same."""
    whole = table(
        "Of the executions", (Column("what"), Column("A"), Column("B")),
        map(_change, comparison.changes),
    )  # fmt: skip
    rows = [
        [escape(pair.name), *_change(change)]
        for pair in comparison.steps
        for change in readable_changes(pair.changes or ())
    ]
    columns = (Column("step"), Column("what"), Column("A"), Column("B"))
    told = "".join(f"<p>{escape(one)}</p>" for one in _told(comparison.steps))
    return card(whole, title="The executions") + card(
        table("Of the steps", columns, rows) + told, title="The steps"
    )


def _side(name: str, result: ExecutionResult) -> str:
    begun = result.started_at.strftime("%Y-%m-%d %H:%M %Z").strip()
    took = duration(result.seconds) if result.seconds is not None else "not ended"
    return (
        f'<div class="meta side"><b class="{name.lower()}">{name}</b>'
        f"<code>{escape(result.execution_id)}</code>{pill(result.status.lower(), result.status)}"
        f"<span>started <b>{escape(begun)}</b></span><span>took <b>{took}</b></span></div>\n"
    )


def _figures(
    shown: Sequence[MetricChange], main: MetricChange | None
) -> Iterator[tuple[str, str, str]]:
    known = [one for one in shown if one == main or one.verdict != "same"]
    ordered = sorted(known, key=lambda one: (one != main, one.step != (main.step if main else "")))
    for one in ordered[:MOST_FIGURES]:
        if one.before and one.after:
            said = f"{number(one.before.value)} to {number(one.after.value)}"
            yield f"{one.name} of {one.step}", signed(one.difference) or "0", said


def _change(change: Change) -> list[str]:
    return [escape(change.name), _value(change.before), _value(change.after)]


def _value(value: str | None) -> str:
    if value is None:
        return '<span class="lead">not there</span>'
    return f"<code>{escape(shortened(value, 400))}</code>"


def _told(steps: Sequence[StepPair]) -> Iterator[str]:
    for pair in steps:
        if pair.before is None or pair.after is None:
            yield f"{pair.name} is only in {'B' if pair.before is None else 'A'}."
    same = [pair.name for pair in steps if pair.is_same]
    if same:
        yield f"The same code, settings and inputs in both: {', '.join(same)}."
