"""The line by which a job tells how far it is: `progress step=40/300 train/loss=5.1`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orchestrator.results.events import StepProgress

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "progress "


def read_progress(step: str, line: str, at: datetime) -> StepProgress | None:
    """Return what a line such as `progress step=40/300 train/loss=5.1` says, or None."""
    if not line.startswith(PREFIX):
        return None
    numbers: dict[str, float] = {}
    current, total = 0, 0
    for word in line.removeprefix(PREFIX).split():
        name, separator, text = word.partition("=")
        if not separator:
            return None
        try:
            if name == "step":
                current, total = (int(part) for part in f"{text}/0".split("/")[:2])
            else:
                numbers[name] = float(text)
        except ValueError:
            return None
    finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
    return StepProgress(
        step=step,
        current=current,
        total=total,
        at=at,
        tokens_per_second=finite.pop("tokens_per_second", None),
        seconds_left=finite.pop("seconds_left", None),
        metrics=finite,
    )
