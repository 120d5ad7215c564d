"""Metrics read from what a script prints, for scripts that write no `metrics.json`.

Standard library only: `launch.py` reads it in any image.
"""

from __future__ import annotations

import json
import math
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

METRICS_FILE = "metrics.json"
HISTORY_FILE = "trainer_log.jsonl"
_MOST_VALUES = 2000
"""Kept of each metric for its history; of more, every second one goes."""


@dataclass
class _Series:
    """The values of one metric, in the order they were printed."""

    count: int = 0
    last: float | None = None
    stride: int = 1
    kept: dict[int, float] = field(default_factory=dict)
    """Position, from 1 on, to value; every `stride`-th."""

    def add(self, value: float) -> None:
        self.count += 1
        self.last = value
        if self.count % self.stride == 0 and math.isfinite(value):
            self.kept[self.count] = value
        if len(self.kept) > _MOST_VALUES:
            self.stride *= 2
            self.kept = {at: kept for at, kept in self.kept.items() if at % self.stride == 0}


class PrintedMetrics:
    """What the regexes of `metric_definitions` find, line by line."""

    def __init__(self, definitions: Mapping[str, str]) -> None:
        self._regexes = {name: re.compile(regex) for name, regex in definitions.items()}
        self._series = {name: _Series() for name in definitions}
        self._lock = threading.Lock()

    def read(self, line: str) -> None:
        """Take the values in `line`; from any thread."""
        for name, regex in self._regexes.items():
            for match in regex.finditer(line):
                value = _number(match[1])
                if value is not None:
                    with self._lock:
                        self._series[name].add(value)

    def write(self, folder: Path) -> None:
        """Write the last value of each metric to `metrics.json`, unless the script has."""
        if not self._regexes or (folder / METRICS_FILE).exists():
            return
        for problem in self.problems():
            print(problem, flush=True)
        metrics = {
            name: series.last
            for name, series in self._series.items()
            if series.last is not None and math.isfinite(series.last)
        }
        _write(folder / METRICS_FILE, json.dumps(metrics, indent=2) + "\n")

    def write_history(self, folder: Path) -> None:
        """Write every value to `trainer_log.jsonl`, unless the script has; `step` counts them."""
        if not self._regexes or (folder / HISTORY_FILE).exists():
            return
        rows: dict[int, dict[str, float]] = {}
        for name, series in self._series.items():
            for step, value in series.kept.items():
                rows.setdefault(step, {"step": step})[name] = value
        text = "".join(json.dumps(rows[step]) + "\n" for step in sorted(rows))
        _write(folder / HISTORY_FILE, text)

    def problems(self) -> Iterator[str]:
        """Yield why a metric has no value."""
        for name, series in self._series.items():
            if series.last is None:
                regex = self._regexes[name].pattern
                yield f"metric_definitions.{name}: no line of the output matches {regex!r}."
            elif not math.isfinite(series.last):
                found = f"the last value printed is {series.last}, which is no finite number"
                yield f"metric_definitions.{name}: {found}."


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
