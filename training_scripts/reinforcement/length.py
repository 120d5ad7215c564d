"""Whether completions are rewarded for being long: a reward that grows with length is gamed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CORRELATED = 0.5
"""From here on, of completions of one prompt, a quarter of the reward's variance is length's."""
GROWN = 0.25
"""Growth of the mean length, from the first quarter of training to the last."""
_RELATED = "reward_length_correlation"


@dataclass
class LengthWatch:
    """Rewards and lengths of the completions since the last row of the history."""

    pairs: list[tuple[float, float]] = field(default_factory=list)
    """Reward and length, each less the mean over the completions of its prompt."""
    lengths: list[int] = field(default_factory=list)

    def see(self, rewards: Sequence[float], lengths: Sequence[int], group: int) -> None:
        """Take in completions, of which each `group` in a row answer one prompt."""
        self.lengths += lengths
        for at in range(0, len(lengths), group):
            own, long = rewards[at : at + group], lengths[at : at + group]
            mean, middle = sum(own) / len(own), sum(long) / len(long)
            self.pairs += [(one - mean, size - middle) for one, size in zip(own, long, strict=True)]

    def row(self) -> dict[str, float]:
        """Return what a row of the history says of them, and begin anew."""
        told: dict[str, float] = {}
        if self.lengths:
            told["completion_length"] = sum(self.lengths) / len(self.lengths)
        found = correlation(self.pairs)
        if found is not None:
            told[_RELATED] = found
        self.pairs, self.lengths = [], []
        return told


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Pearson's correlation of centred pairs; None if one side never varies."""
    rewards, lengths = sum(r * r for r, _ in pairs), sum(n * n for _, n in pairs)
    if rewards < 1e-12 or lengths < 1e-12:
        return None
    return sum(r * n for r, n in pairs) / math.sqrt(rewards * lengths)


def length_metrics(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return what a whole history says of length: its correlation with reward, and its growth."""
    told: dict[str, float] = {}
    related = [row[_RELATED] for row in rows if _RELATED in row]
    if related:
        late = related[len(related) // 2 :]
        told[_RELATED] = sum(late) / len(late)
    lengths = [row["completion_length"] for row in rows if "completion_length" in row]
    if lengths:
        first, last = first_and_last(lengths)
        told["completion_length_growth"] = last / first - 1 if first else 0.0
    return told


def first_and_last(values: Sequence[float]) -> tuple[float, float]:
    """Return the means of the first quarter of `values` and of the last."""
    share = max(1, len(values) // 4)
    return sum(values[:share]) / share, sum(values[-share:]) / share


def length_warning(metrics: Mapping[str, float]) -> str | None:
    """Return what to tell if reward seems to come from length; None if it does not."""
    related = metrics.get(_RELATED, 0.0)
    growth = metrics.get("completion_length_growth", 0.0)
    if related < CORRELATED or growth < GROWN:
        return None
    return (
        f"warning: length may be what is rewarded: among completions of one prompt, reward and "
        f"length have a correlation of {related:.2f}, and completions grew by {growth:.0%} in "
        "training. Read some. Raise beta, lower max_completion_length, or add a reward that falls "
        "with length."
    )
