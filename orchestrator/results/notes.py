"""What came of a step in a few words, for a line of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.results.figures import number
from orchestrator.results.metric_rows import HEADLINES
from orchestrator.results.smoke import DOOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.results.model import StepResult

ROOM = 110
"""Characters of one line."""


def step_note(step: StepResult, *, room: int = ROOM) -> str:
    """Return in a few words what came of `step`: why it failed, a verdict, or some metrics.

    Metrics are left out that would not fit on one line of `room` characters.
    """
    if step.failure_reason:
        return step.failure_reason.strip().partition("\n")[0]
    if step.conditions:
        separator = "; " if len("; ".join(step.conditions)) <= room else "\n"
        asked = separator.join(step.conditions)
        is_no = step.condition_outcome is False and not step.name.endswith(DOOR)
        return f"{asked}: no" if is_no else asked
    return metrics_note(step.metrics, room=room)


def metrics_note(metrics: Mapping[str, float], *, most: int = 3, room: int = ROOM) -> str:
    """Return the few metrics that say most, in words; as many as `room` characters hold."""
    telling = [name for name in HEADLINES if name in metrics] or list(metrics)
    words = [f"{name} {number(metrics[name])}" for name in telling[:most]]
    while len(words) > 1 and len(", ".join(words)) > room:
        words.pop()
    return ", ".join(words)
