"""A dataset step's `statistics.json` and counts, read: rows per split and task, lengths."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.results.figures import finite_number

if TYPE_CHECKING:
    from orchestrator.results.model import Json, StepResult

SPLITS = ("train", "validation", "test")
LOSSES: Mapping[str, str] = {
    "dropped_empty": "empty",
    "dropped_short": "too short",
    "duplicates_exact": "exact copies",
}
"""Metrics that say which rows were left out, and why."""


@dataclass(frozen=True)
class DataStatistics:
    """What a dataset step read, left out and wrote."""

    rows: Mapping[str, int]
    """Split to rows; only splits that have any."""
    read: int | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Why to how many; only what happened."""
    near_copies: int = 0
    """Rows that stand with a near-copy on one side of the split."""
    unit: str = "characters"
    edges: tuple[float, ...] = ()
    """Of the histogram's bins, one more than there are bins."""
    histogram: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Split to rows per bin."""
    lengths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Split to percentile to length."""
    tasks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Task to split to rows."""


def data_statistics(step: StepResult) -> DataStatistics | None:
    """Return what is known of the rows that `step` wrote; None if it split no data."""
    counts = {name: int(value) for name, value in step.metrics.items()}
    rows = {split: counts[f"rows_{split}"] for split in SPLITS if counts.get(f"rows_{split}")}
    if not rows:
        return None
    document = step.statistics if isinstance(step.statistics, Mapping) else {}
    edges, histogram = _histogram(document.get("histogram"))
    return DataStatistics(
        rows=rows,
        read=counts.get("rows_read"),
        dropped={why: counts[name] for name, why in LOSSES.items() if counts.get(name)},
        near_copies=counts.get("duplicates_near", 0),
        unit=str(document.get("unit", "characters")),
        edges=edges,
        histogram=histogram,
        lengths={split: _numbers(one) for split, one in _members(document.get("lengths"))},
        tasks={
            task: {split: int(count) for split, count in _numbers(one).items()}
            for task, one in _members(document.get("tasks"))
        },
    )


def _histogram(document: Json) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    if not isinstance(document, Mapping):
        return (), {}
    edges = _row(document.get("edges"))
    found = {split: _row(document.get(split)) for split in SPLITS}
    counts = {split: row for split, row in found.items() if row and len(row) == len(edges) - 1}
    is_ascending = all(one < other for one, other in itertools.pairwise(edges))
    return (edges, counts) if counts and is_ascending else ((), {})


def _members(value: Json) -> list[tuple[str, Json]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _numbers(value: Json) -> dict[str, float]:
    read = ((name, finite_number(one)) for name, one in _members(value))
    return {name: one for name, one in read if one is not None}


def _row(value: Json) -> tuple[float, ...]:
    row = value if isinstance(value, list | tuple) else ()
    return tuple(one for one in map(finite_number, row) if one is not None)
