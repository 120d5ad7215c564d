"""The history of a training step as curves: one value over the optimizer steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.results.figures import finite_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.results.model import StepResult

Point = tuple[float, float]

TRAIN_LOSS = ("train/loss", "loss")
EVAL_LOSS = ("eval/loss", "eval_loss")
"""A value's name in `trainer_log.jsonl`: ours, and that of the transformers Trainer."""
MOST_POINTS = 240
"""Of a curve: about one for every other pixel."""


def curve(step: StepResult, names: Sequence[str]) -> tuple[Point, ...]:
    """Return the first of `names` that each row of the history has, over `step`, in order."""
    return thinned(sorted(_points(step, names)))


def thinned(points: Sequence[Point], *, most: int = MOST_POINTS) -> tuple[Point, ...]:
    """Return at most about `most` of `points`: of each stretch the lowest and the highest."""
    if len(points) <= most:
        return tuple(points)
    size = -(-len(points) // (most // 2))
    kept = {points[0], points[-1]}
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept |= {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
    return tuple(sorted(kept))


def _points(step: StepResult, names: Sequence[str]) -> Iterator[Point]:
    for row in step.history:
        at = finite_number(row.get("step"))
        found = (finite_number(row.get(name)) for name in names)
        value = next((one for one in found if one is not None), None)
        if at is not None and value is not None:
            yield at, value
