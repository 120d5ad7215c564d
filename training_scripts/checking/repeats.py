"""Rows that repeat: equal ones among all rows, by hashes on disk; similar ones among the first."""

from __future__ import annotations

from array import array
from importlib.util import find_spec
from typing import TYPE_CHECKING

from training_scripts.data.content import content_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from training_scripts.data.formats import Sample

NEAR_ROWS = 100_000
"""Rows that are compared for likeness: the first so many, for time and disk."""
THRESHOLD = 0.8
"""As `near_duplicate_threshold` of kind `dataset`."""
NEAR_BYTES = 256 * 2**20
"""... and of as many bytes, which are copied to a temporary folder."""
_PARTS = 64
_HELD = 4_096
_KEYS = 2**18
"""Hashes that are compared in memory at a time."""
_BATCH = 1_000
_BATCH_CHARACTERS = 2_000_000


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
            passes = path.stat().st_size // (_KEYS * array("Q").itemsize) + 1
            repeated += sum(_repeated(path, number, passes) for number in range(passes))
        return repeated

    def near(self) -> int | None:
        """Return how many rows are nearly equal to another, without `exact`; None without numpy.

        Looked for among the first `near_rows` rows.
        """
        return None if self._similar is None else self._similar.count()

    @property
    def near_rows(self) -> int:
        """Rows that are compared for likeness, of those seen so far."""
        return 0 if self._similar is None else self._similar.rows

    def close(self) -> None:
        """Close the files."""
        if self._similar is not None:
            self._similar.close()

    def _spill(self, part: int) -> None:
        with self._parts[part].open("ab") as file:
            self._held[part].tofile(file)
        self._held[part] = array("Q")


def _repeated(path: Path, number: int, passes: int) -> int:
    """Return how many hashes of one file are equal to an earlier one, of each `passes`th."""
    count, seen = 0, set()
    for key in _keys(path):
        if key // _PARTS % passes == number:
            count += 1
            seen.add(key)
    return count - len(seen)


def _keys(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        while block := file.read(_HELD * array("Q").itemsize):
            yield from array("Q", block)


class _Similar:
    def __init__(self, path: Path) -> None:
        from training_scripts.data.spool import Spool

        self._rows = Spool(path)

    @property
    def rows(self) -> int:
        return len(self._rows)

    def add(self, sample: Sample) -> None:
        if len(self._rows) < NEAR_ROWS and self._rows.size_bytes < NEAR_BYTES:
            self._rows.append(sample)

    def count(self) -> int:
        import numpy as np

        from training_scripts.data.similarity import Bands, band_hashes, group_similar

        numbers = np.sort(np.unique(self._rows.keys(), return_index=True)[1])
        bands = Bands.for_threshold(THRESHOLD)
        hashes = np.empty((len(numbers), bands.bands), dtype=np.uint64)
        start = 0
        for texts in _batches(sample.content() for sample in self._rows.read_many(numbers)):
            hashes[start : start + len(texts)] = band_hashes(texts, bands)
            start += len(texts)

        def text_of(row: int) -> str:
            return self._rows.read(int(numbers[row])).content()

        return group_similar(hashes, text_of, THRESHOLD).merged if len(numbers) else 0

    def close(self) -> None:
        self._rows.close()


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of bounded size."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if len(batch) >= _BATCH or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
