"""Lengths of any number of rows, in memory that does not grow with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_EXACT_BELOW = 1_000


@dataclass
class Lengths:
    """How often each length came: to the unit below 1,000, to three digits above."""

    count: int = 0
    least: int = 0
    most: int = 0
    _seen: Counter[int] = field(default_factory=Counter)

    def add(self, length: int) -> None:
        """Count one row."""
        self.least = length if not self.count else min(self.least, length)
        self.most = max(self.most, length)
        self.count += 1
        self._seen[_rounded(length)] += 1

    def at(self, share: float) -> int:
        """Return the length that `share` of the rows do not exceed."""
        wanted, passed = share * self.count, 0
        for length in sorted(self._seen):
            passed += self._seen[length]
            if passed >= wanted:
                return max(self.least, min(length, self.most))
        return self.most

    def to_json(self) -> dict[str, int]:
        """Return least, median, 95th percentile and most."""
        return {"min": self.least, "median": self.at(0.5), "p95": self.at(0.95), "max": self.most}


def _rounded(length: int) -> int:
    if length < _EXACT_BELOW:
        return length
    unit = 10 ** (len(str(length)) - 3)
    return length // unit * unit
