"""How sure a metric is: percentile bootstrap over rows (Efron and Tibshirani 1993, chapter 13).

And whether two models differ where each row is right or wrong: McNemar's test, exact.
"""

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


def mcnemar_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the p value of McNemar's test: how likely so uneven a split is of equal models.

    Two-sided and exact: a binomial test with one half on the rows that only one of the two gets
    right (McNemar 1947; Agresti 2002, section 10.1).

    Args:
        first: One a row, right (1) or wrong (0).
        second: The other model's, on the same rows.
    """
    wins = sum(one > other for one, other in zip(first, second, strict=True))
    losses = sum(one < other for one, other in zip(first, second, strict=True))
    rows, fewer = wins + losses, min(wins, losses)
    if wins == losses:
        return 1.0
    ways = term = 1
    for drawn in range(fewer):
        term = term * (rows - drawn) // (drawn + 1)
        ways += term
    return min(1.0, 2 * ways / 2**rows)


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
