"""Samples on disk between the passes over them: memory holds a few bytes per row, not the rows."""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

import numpy as np

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


def content_key(sample: Sample) -> int:
    """Return a 64-bit hash of what the sample says; equal samples have equal keys.

    Id, task and other columns do not count: a row given twice under two ids is one row.
    """
    parts = [sample.text, sample.instruction, sample.input, sample.output]
    parts += [part for message in sample.messages for part in (message.role, message.content)]
    joined = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
