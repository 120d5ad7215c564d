"""What a dataset looks like in numbers: lengths and tasks per split, for people to see."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from training_scripts.data.rows import SPLITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training_scripts.data.split import Side

PERCENTILES = (5, 25, 50, 75, 95, 99)
MAX_TASKS = 20
"""The rest counts as one."""
REST = "(others)"
_BINS = 24


def statistics(
    lengths: NDArray[np.int64], sides: Sequence[Side], tasks: Counter[tuple[str, Side]]
) -> dict[str, Any]:
    """Return the document `statistics.json`.

    Args:
        lengths: (rows,), characters of each row as it was written.
        sides: The split of each row.
        tasks: Rows per task and split; rows without a task are not in it.
    """
    splits = np.array(sides)
    per_split = {side: lengths[splits == side] for side in SPLITS if (splits == side).any()}
    return {
        "unit": "characters",
        "lengths": {side: _percentiles(found) for side, found in per_split.items()},
        "histogram": _histogram(lengths, per_split),
        "tasks": _by_task(tasks),
    }


def _percentiles(lengths: NDArray[np.int64]) -> dict[str, float]:
    found = np.percentile(lengths, PERCENTILES).tolist()
    return {
        "min": int(lengths.min()),
        **{f"p{share}": round(value, 1) for share, value in zip(PERCENTILES, found, strict=True)},
        "max": int(lengths.max()),
    }


def _histogram(
    lengths: NDArray[np.int64], per_split: dict[str, NDArray[np.int64]]
) -> dict[str, list[int]]:
    """Return `edges`, one more than there are bins, and how many rows of each split are in each.

    The bins are equally wide up to the 99th percentile; the last one holds what is longer.
    """
    edges = _edges(int(np.percentile(lengths, 99)), int(lengths.max()))
    counts = {side: np.histogram(found, edges)[0].tolist() for side, found in per_split.items()}
    return {"edges": edges, **counts}


def _edges(usual: int, longest: int) -> list[int]:
    width = _round_up(max(usual // _BINS, 1))
    edges = list(range(0, usual + width, width))
    return edges if edges[-1] > longest else [*edges, longest + 1]


def _round_up(width: int) -> int:
    unit = 10 ** (len(str(width)) - 1)
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= width)


def _by_task(tasks: Counter[tuple[str, Side]]) -> dict[str, dict[str, int]]:
    totals: Counter[str] = Counter()
    for (task, _), count in tasks.items():
        totals[task] += count
    shown = sorted(totals, key=lambda task: (-totals[task], task))[:MAX_TASKS]
    found: dict[str, dict[str, int]] = {task: dict.fromkeys(SPLITS, 0) for task in shown}
    for (task, side), count in tasks.items():
        name = task if task in found else REST
        found.setdefault(name, dict.fromkeys(SPLITS, 0))[side] += count
    return found
