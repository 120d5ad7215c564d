"""Rows that are nearly the same: MinHash over word shingles, banded, then verified.

Broder, "On the resemblance and containment of documents" (1997); Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", chapter 3. Candidates that banding proposes are kept only if the
true Jaccard similarity of their shingle sets reaches the threshold.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

SHINGLE_WORDS = 5
MISSED = 1e-4
"""How often, at most, banding may miss a pair that is similar at exactly the threshold."""

_PERMUTATIONS = 128
_WORD = re.compile(r"\w+")
_CROWD = 100
"""Rows of one band and bucket that are all compared with each other; larger crowds compare each
with its `_CROWD` neighbours only."""
_REMEMBERED = 100_000
_HELD_SHINGLES = 100_000
"""Of the rows compared last: about 10 MB."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FINISH = np.uint64(0xBF58476D1CE4E5B9)


def shingle_hashes(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hashed word shingles of all texts end to end, and where each text's begin.

    A text of fewer than 5 words is one shingle.
    """
    hashed: list[int] = []
    counts = np.empty(len(texts), dtype=np.int64)
    for number, text in enumerate(texts):
        words = _WORD.findall(text.lower())
        counts[number] = len(words)
        hashed.extend(map(_word_hash, words))
    words_end = np.cumsum(counts)
    spans = np.maximum(1, counts - SHINGLE_WORDS + 1)
    starts = np.concatenate([[0], np.cumsum(spans)]).astype(np.int64)
    padded = np.zeros(len(hashed) + SHINGLE_WORDS, dtype=np.uint64)
    padded[: len(hashed)] = hashed
    # Word number of each shingle's first word: the texts' words less their last four.
    owner = np.repeat(np.arange(len(texts)), spans)
    first = (words_end - counts)[owner] + np.arange(starts[-1]) - starts[:-1][owner]
    shingles = np.zeros(len(first), dtype=np.uint64)
    for offset in range(SHINGLE_WORDS):
        # Words beyond the text's end do not count: short texts have none there.
        word = np.where(first + offset < words_end[owner], padded[first + offset], 0)
        shingles = _mixed(shingles * np.uint64(31) + word.astype(np.uint64) + _MIX)
    return shingles, starts


def shingle_set(text: str) -> frozenset[int]:
    """Return the hashed word shingles of a text."""
    return frozenset(shingle_hashes([text])[0].tolist())


def jaccard(left: frozenset[int], right: frozenset[int]) -> float:
    """Return the share of all shingles that both have."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


@dataclass(frozen=True)
class Bands:
    """How a signature is cut: rows are candidates when they agree on all of one band."""

    bands: int
    rows: int

    @classmethod
    def for_threshold(cls, threshold: float) -> Bands:
        """Return the widest bands (fewest needless candidates) that miss at most `MISSED`."""
        for rows in range(_PERMUTATIONS, 0, -1):
            bands = _PERMUTATIONS // rows
            if (1 - threshold**rows) ** bands <= MISSED:
                return cls(bands, rows)
        return cls(_PERMUTATIONS, 1)


def band_hashes(texts: Sequence[str], bands: Bands) -> NDArray[np.uint64]:
    """Return (text, band): a hash of each band of each text's MinHash signature."""
    shingles, starts = shingle_hashes(texts)
    multipliers = np.random.default_rng(0).integers(1, 2**63, _PERMUTATIONS, dtype=np.uint64)
    found = np.empty((len(texts), bands.bands), dtype=np.uint64)
    for band in range(bands.bands):
        held = np.zeros(len(texts), dtype=np.uint64)
        for row in range(bands.rows):
            permuted = shingles * (multipliers[band * bands.rows + row] | np.uint64(1))
            held = _mixed(held * np.uint64(31) + np.minimum.reduceat(permuted, starts[:-1]))
        found[:, band] = held
    return found


@dataclass
class Groups:
    """Disjoint sets of row numbers; each set is named by its smallest number."""

    parent: NDArray[np.int64]
    merged: int = field(default=0)

    @classmethod
    def of(cls, count: int) -> Groups:
        """Return `count` sets of one."""
        return cls(np.arange(count))

    def find(self, row: int) -> int:
        """Return the smallest row of the set that `row` is in."""
        root = row
        while self.parent[root] != root:
            root = int(self.parent[root])
        while self.parent[row] != root:
            self.parent[row], row = root, int(self.parent[row])
        return root

    def union(self, left: int, right: int) -> None:
        """Make one set of the two that `left` and `right` are in."""
        first, second = sorted((self.find(left), self.find(right)))
        if first != second:
            self.parent[second] = first
            self.merged += 1

    def roots(self) -> NDArray[np.int64]:
        """Return for each row the smallest row of its set."""
        return np.array([self.find(row) for row in range(len(self.parent))], dtype=np.int64)


def group_similar(
    hashes: NDArray[np.uint64], text_of: Callable[[int], str], threshold: float
) -> Groups:
    """Return the rows grouped so that all pairs found similar share a group.

    Args:
        hashes: (row, band), from `band_hashes`.
        text_of: Returns the text of a row, as often as asked.
        threshold: Jaccard similarity of word shingles from which two rows are similar.
    """
    groups = Groups.of(len(hashes))
    shingles_of = _Shingles(text_of).of
    refused: set[tuple[int, int]] = set()
    for left, right in _candidates(hashes, groups):
        if (left, right) in refused or groups.find(left) == groups.find(right):
            continue
        if jaccard(shingles_of(left), shingles_of(right)) >= threshold:
            groups.union(left, right)
        elif len(refused) < _REMEMBERED:
            refused.add((left, right))
    return groups


class _Shingles:
    """The shingle sets of the rows that were compared last, as many as memory should hold."""

    def __init__(self, text_of: Callable[[int], str]) -> None:
        self._text_of = text_of
        self._held: OrderedDict[int, frozenset[int]] = OrderedDict()
        self._size = 0

    def of(self, row: int) -> frozenset[int]:
        found = self._held.pop(row, None)
        if found is None:
            found = shingle_set(self._text_of(row))
            self._size += len(found)
        self._held[row] = found
        while self._size > _HELD_SHINGLES and len(self._held) > 1:
            self._size -= len(self._held.popitem(last=False)[1])
        return found


def _candidates(hashes: NDArray[np.uint64], groups: Groups) -> Iterator[tuple[int, int]]:
    """Yield pairs that share a band; `groups` may join between one pair and the next."""
    for band in range(hashes.shape[1]):
        column = hashes[:, band]
        order = np.argsort(column, kind="stable")
        bounds = np.flatnonzero(np.diff(column[order])) + 1
        starts = np.concatenate([[0], bounds])
        ends = np.concatenate([bounds, [len(order)]])
        shared = ends - starts > 1
        for start, end in zip(starts[shared].tolist(), ends[shared].tolist(), strict=True):
            rows = order[start:end]
            # Neighbours first: of rows made from one template, that joins all of them.
            yield from pairwise(rows.tolist())
            yield from _pairs(rows, groups)


def _pairs(rows: NDArray[np.int64], groups: Groups) -> Iterator[tuple[int, int]]:
    """Yield the pairs that are not in one group yet."""
    roots = np.array([groups.find(row) for row in rows.tolist()])
    if (roots == roots[0]).all():
        return
    reach = len(rows) if len(rows) <= _CROWD else _CROWD
    for number, left in enumerate(rows.tolist()):
        others = slice(number + 1, number + 1 + reach)
        for right in rows[others][roots[others] != roots[number]].tolist():
            yield left, right


@lru_cache(maxsize=500_000)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each value's bits stirred (the first half of splitmix64's finisher)."""
    return (values ^ (values >> np.uint64(30))) * _FINISH
