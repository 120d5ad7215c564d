"""Which rows train, validate and test: decided by content, so that none moves when data grow.

A row's side follows from a hash of what it is keyed by and the seed, never from its position or
from how many rows there are. A group (near-duplicates, or equal values of `group_by`) follows its
earliest row. So rows added later move no earlier one, but for one unavoidable case: a new row that
is similar to two groups on different sides makes one group of them, and it takes the side of the
earlier.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

Side = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Shares:
    """Which share of the rows validates and tests; the rest trains."""

    validation: float
    test: float
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (self.validation, self.test)
        if any(share < 0 for share in shares) or sum(shares) >= 1:
            fail(
                f"split: validation {self.validation} and test {self.test} must be at least 0 "
                "and leave something to train on. Use {validation: 0.05, test: 0.1}."
            )


def side_of(key: str, shares: Shares) -> Side:
    """Return the side that a key falls on."""
    digest = hashlib.blake2b(f"{shares.seed}:{key}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "big") / 2**64
    if position < shares.test:
        return "test"
    return "validation" if position < shares.test + shares.validation else "train"


def wanted_shares(shares: Shares) -> dict[Side, float]:
    """Return the share of each side; they sum to 1."""
    return {
        "train": 1 - shares.validation - shares.test,
        "validation": shares.validation,
        "test": shares.test,
    }


def sides_are_not_empty(counts: Mapping[Side, int], shares: Shares) -> None:
    """Raise JobFailure if a side that should have rows has none."""
    total = sum(counts.values())
    for side, share in wanted_shares(shares).items():
        if share > 0 and not counts[side]:
            groups = "rows, or groups of them,"
            fail(
                f"split.{side}: none of the {total:,} {groups} fell into it (share {share:.2g}). "
                f"Use more rows, a larger share, another split.seed"
                f"{'' if side == 'train' else f', or split.{side}: 0 for none'}."
            )
