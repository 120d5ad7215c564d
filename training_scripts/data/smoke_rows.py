"""The rows of a smoke run: few, but some on every side that the real run would fill."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from training_scripts.data.split import side_of, wanted_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training_scripts.data.split import Shares, Side

READ_FOR_EACH = 50
"""Rows read for each row kept, so that even a small share gets some."""
FEWEST = 8
"""Rows of a side, however small its share."""


def few_rows(keys: Sequence[str], shares: Shares, rows: int) -> tuple[list[int], list[str]]:
    """Return which rows a smoke run keeps, ascending, and the key of each.

    Args:
        keys: Per row: equal keys are on one side.
        shares: Of the sides.
        rows: To keep, all sides together; a side keeps its share of them, at least `FEWEST`.
    """
    filled = _every_side_filled(keys, shares)
    most = {side: max(FEWEST, round(part * rows)) for side, part in wanted_shares(shares).items()}
    taken: Counter[Side] = Counter()
    kept = []
    for number, key in enumerate(filled):
        side = side_of(key, shares)
        if taken[side] < most[side]:
            taken[side] += 1
            kept.append(number)
    return kept, [filled[number] for number in kept]


def _every_side_filled(keys: Sequence[str], shares: Shares) -> list[str]:
    """The keys, of which some are changed so that a side which got none has the rows of one."""
    renamed: dict[str, str] = {}
    for side, part in wanted_shares(shares).items():
        groups = dict.fromkeys(renamed.get(key, key) for key in keys)
        sides = {key: side_of(key, shares) for key in groups}
        counts = Counter(sides.values())
        if part == 0 or counts[side] or not counts:
            continue
        largest, groups_there = counts.most_common(1)[0]
        if groups_there < 2:
            continue  # There is too little to split; the usual check says so.
        donor = [key for key in groups if sides[key] == largest][-1]
        moved = (f"{donor}+{number}" for number in count())
        renamed[donor] = next(key for key in moved if side_of(key, shares) == side)
    return [renamed.get(key, key) for key in keys]
