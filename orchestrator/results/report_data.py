"""The report's section on data: what each dataset step read, left out and split, and lengths."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.data_statistics import SPLITS, data_statistics
from orchestrator.results.figures import number, plural, shortened
from orchestrator.results.page import Column, card, folded, legend, table
from orchestrator.results.plots import histogram_svg, shares_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.results.data_statistics import DataStatistics
    from orchestrator.results.model import StepResult

_PERCENTILES = {
    "min": "shortest", "p5": "5 %", "p25": "25 %", "p50": "median", "p75": "75 %", "p95": "95 %",
    "p99": "99 %", "max": "longest",
}  # fmt: skip


def data_html(steps: Sequence[StepResult]) -> str:
    """Return one card for each step that split data; empty if none did."""
    cards = "".join(
        card(_body(found, step), title=step.name)
        for step in steps
        if (found := data_statistics(step))
    )
    return f'<div class="charts">{cards}</div>' if cards else ""


def _body(data: DataStatistics, step: StepResult) -> str:
    total = sum(data.rows.values())
    words = [(f"part {split}", f"{split} {number(count)}") for split, count in data.rows.items()]
    summed = [
        sum(counts) for counts in zip(*data.histogram.values(), strict=True)
    ]  # Rows per bin, over the splits.
    return (
        f"<p>{escape(_sentence(data, total))}</p>"
        f"{shares_svg(data.rows, title=f'Split of {step.name}')}{legend(words)}"
        + histogram_svg(
            data.edges, summed, title=f"Lengths of the rows of {step.name}",
            x_label=f"{data.unit} per row",
        )
        + folded("Lengths by split", _lengths(data))
        + folded("Rows by task", _tasks(data))
    )  # fmt: skip


def _sentence(data: DataStatistics, total: int) -> str:
    said = plural(total, "row")
    if data.read is not None:
        said += f" of {number(data.read)} read"
    dropped = [f"{number(count)} {why}" for why, count in data.dropped.items()]
    said += f"; left out: {', '.join(dropped)}." if dropped else "."
    if data.near_copies:
        said += (
            f" {plural(data.near_copies, 'near-copy').replace('copys', 'copies')} kept together."
        )
    return said


def _lengths(data: DataStatistics) -> str:
    columns = (Column(data.unit), *(Column(split, "n") for split in data.lengths))
    rows = [
        [words, *(number(one.get(name)) for one in data.lengths.values())]
        for name, words in _PERCENTILES.items()
        if any(name in one for one in data.lengths.values())
    ]
    return table("Lengths by split", columns, rows)


def _tasks(data: DataStatistics) -> str:
    splits = [split for split in SPLITS if data.rows.get(split)]
    columns = (Column("task"), *(Column(split, "n") for split in splits))
    rows = [
        [escape(shortened(task, 60)), *(number(counts.get(split, 0)) for split in splits)]
        for task, counts in data.tasks.items()
    ]
    return table("Rows by task", columns, rows)
