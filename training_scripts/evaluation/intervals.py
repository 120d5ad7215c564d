"""How sure a metric is: percentile bootstrap over rows (Efron and Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 2_000
_CELLS = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A metric and the interval around it."""

    value: float
    low: float
    high: float


def ratio_interval(
    numerators: Sequence[float] | NDArray[np.float64],
    denominators: Sequence[float] | NDArray[np.float64] | None = None,
    *,
    confidence: float,
    seed: int,
) -> Estimate:
    """Return sum(numerators) / sum(denominators) over rows, with its bootstrap interval.

    Without denominators that is the mean. The same rows are drawn for the same seed and number
    of rows, so that differences of rows (`model - base`) are paired.

    Args:
        numerators: One a row, such as right (1) or wrong (0), or a completion's summed loss.
        denominators: One a row, positive, such as the completion's tokens.
        confidence: Of the interval, such as 0.95.
        seed: Of the resampling.
    """
    over = np.asarray(numerators, dtype=np.float64)
    under = np.ones(len(over)) if denominators is None else np.asarray(denominators, np.float64)
    if not len(over):
        message = "an interval needs at least one row, found none"
        raise ValueError(message)
    sums = _resampled_sums(np.stack([over, under], axis=1), seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [tail, 1 - tail])
    return Estimate(float(over.sum() / under.sum()), float(low), float(high))


def _resampled_sums(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """(resample, column): sums over as many rows as there are, drawn with replacement."""
    random = np.random.default_rng(seed)
    rows = len(values)
    sums = np.empty((RESAMPLES, values.shape[1]))
    at_once = max(1, _CELLS // rows)
    for start in range(0, RESAMPLES, at_once):
        stop = min(start + at_once, RESAMPLES)
        drawn = random.integers(0, rows, size=(stop - start, rows))
        sums[start:stop] = values[drawn].sum(axis=1)
    return sums
