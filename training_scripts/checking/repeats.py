"""Rows that repeat: equal ones among all rows, by hashes on disk; similar ones among the first."""

from __future__ import annotations

from array import array
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING

from training_scripts.data.content import content_key

if TYPE_CHECKING:
    from pathlib import Path

    from training_scripts.data.formats import Sample

NEAR_ROWS = 100_000
"""Rows that are compared for likeness: the first so many, for time and disk."""
THRESHOLD = 0.8
"""As `near_duplicate_threshold` of kind `dataset`."""
_PARTS = 64
_HELD = 4_096
_BATCH = 1_000


class Repeats:
    """What was seen, in files of `folder`; memory holds one part of the hashes at a time."""

    def __init__(self, folder: Path) -> None:
        self._parts = [folder / f"hashes-{part}" for part in range(_PARTS)]
        self._held = [array("Q") for _ in range(_PARTS)]
        self._similar = _Similar(folder / "rows") if find_spec("numpy") else None

    def add(self, sample: Sample) -> None:
        """Take note of one row."""
        key = content_key(sample)
        held = self._held[key % _PARTS]
        held.append(key)
        if len(held) >= _HELD:
            self._spill(key % _PARTS)
        if self._similar is not None:
            self._similar.add(sample)

    def exact(self) -> int:
        """Return how many rows are equal to an earlier one."""
        repeated = 0
        for part, path in enumerate(self._parts):
            self._spill(part)
            keys = array("Q", path.read_bytes())
            repeated += len(keys) - len(set(keys))
        return repeated

    def near(self) -> int | None:
        """Return how many rows are nearly equal to another, without `exact`; None without numpy.

        Looked for among the first `NEAR_ROWS` rows.
        """
        return None if self._similar is None else self._similar.count()

    def close(self) -> None:
        """Close the files."""
        if self._similar is not None:
            self._similar.close()

    def _spill(self, part: int) -> None:
        with self._parts[part].open("ab") as file:
            self._held[part].tofile(file)
        self._held[part] = array("Q")


class _Similar:
    def __init__(self, path: Path) -> None:
        from training_scripts.data.spool import Spool

        self._rows = Spool(path)

    def add(self, sample: Sample) -> None:
        if len(self._rows) < NEAR_ROWS:
            self._rows.append(sample)

    def count(self) -> int:
        import numpy as np

        from training_scripts.data.similarity import Bands, band_hashes, group_similar

        numbers = np.sort(np.unique(self._rows.keys(), return_index=True)[1])
        bands = Bands.for_threshold(THRESHOLD)
        hashes = np.empty((len(numbers), bands.bands), dtype=np.uint64)
        remaining, start = self._rows.read_many(numbers), 0
        while texts := [sample.content() for sample in islice(remaining, _BATCH)]:
            hashes[start : start + len(texts)] = band_hashes(texts, bands)
            start += len(texts)

        def text_of(row: int) -> str:
            return self._rows.read(int(numbers[row])).content()

        return group_similar(hashes, text_of, THRESHOLD).merged if len(numbers) else 0

    def close(self) -> None:
        self._rows.close()
