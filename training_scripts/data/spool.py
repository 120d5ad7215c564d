"""Samples on disk between the passes over them: memory holds a few bytes per row, not the rows."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from training_scripts.data.content import content_key
from training_scripts.data.formats import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


class Spool:
    """Samples in one file, written once and then read by number or in order."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._offsets = array("q", [0])
        self._keys = array("Q")

    def __len__(self) -> int:
        return len(self._keys)

    def append(self, sample: Sample) -> None:
        """Add a sample; its number is how many there were before it."""
        line = sample.to_json().encode() + b"\n"
        self._file.write(line)
        self._offsets.append(self._offsets[-1] + len(line))
        self._keys.append(content_key(sample))

    @property
    def size_bytes(self) -> int:
        """How much of the disk it takes."""
        return self._offsets[-1]

    def keys(self) -> NDArray[np.uint64]:
        """Return the content key of each sample."""
        return np.array(self._keys, dtype=np.uint64)

    def read(self, number: int) -> Sample:
        """Return sample `number`."""
        self._file.seek(self._offsets[number])
        return Sample.from_json(self._file.readline())

    def read_many(self, numbers: NDArray[np.int64]) -> Iterator[Sample]:
        """Yield the samples of ascending `numbers`."""
        for number in numbers.tolist():
            yield self.read(number)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
