"""Rows that a job has finished, kept batch by batch: a batch is there whole or not at all.

```text
CHECKPOINT_DIR/FINGERPRINT/part-0.jsonl     rows of a batch, a line each, then the line that
                                            says that they are whole: {"batch": 7, ...}
```

Every process of a job appends to a file of its own and reads all of them.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COMMIT = b'{"batch": '


@dataclass(frozen=True)
class Batch:
    """One finished batch."""

    counts: dict[str, float]
    """What its writer counted."""
    places: dict[int, tuple[Path, int]]
    """Row number to the file and the byte where its line begins."""


@dataclass
class BatchLog:
    """The finished batches of the run with one fingerprint.

    Attributes:
        folder: Of this run's checkpoints.
        rank: Of the process, which writes `part-RANK.jsonl`.
        batches: Batch number to batch, of every process, as of the last `scan`.
    """

    folder: Path
    rank: int = 0
    batches: dict[int, Batch] = field(default_factory=dict)
    _read: dict[Path, int] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, rank: int = 0) -> BatchLog:
        """Return the log in `folder`; what a killed attempt half-wrote is dropped."""
        folder.mkdir(parents=True, exist_ok=True)
        log = cls(folder, rank)
        log.scan()
        if log._own.exists():
            os.truncate(log._own, log._read[log._own])
        return log

    def append(self, number: int, rows: Mapping[int, str], counts: Mapping[str, float]) -> None:
        """Put a batch on the disk.

        Args:
            number: Of the batch.
            rows: Row number to its line of JSON, without its end of line.
            counts: What to add up over all batches.
        """
        lines = [f"{line}\n".encode() for line in rows.values()]
        commit = {
            "batch": number,
            "rows": list(rows),
            "bytes": [len(line) for line in lines],
            "counts": dict(counts),
        }
        with self._own.open("ab") as file:
            file.write(b"".join(lines))
            file.write(json.dumps(commit).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.scan()

    def scan(self) -> None:
        """Take in what all processes have finished since."""
        for path in sorted(self.folder.glob("part-*.jsonl")):
            self._scan(path)

    def total(self, name: str) -> float:
        """Return the sum of one count over all batches."""
        return sum(self.batches[number].counts[name] for number in sorted(self.batches))

    def lines(self) -> Iterator[bytes]:
        """Yield the rows' lines in the order of their numbers."""
        places: dict[int, tuple[Path, int]] = {}
        for batch in self.batches.values():
            places |= batch.places
        files = {path: path.open("rb") for path in {path for path, _ in places.values()}}
        try:
            for _, (path, start) in sorted(places.items()):
                files[path].seek(start)
                yield files[path].readline()
        finally:
            for file in files.values():
                file.close()

    def clear(self) -> None:
        """Remove the batches of this run; those of others stay."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _own(self) -> Path:
        return self.folder / f"part-{self.rank}.jsonl"

    def _scan(self, path: Path) -> None:
        at = end = self._read.get(path, 0)
        with path.open("rb") as file:
            file.seek(at)
            for line in file:
                if line.startswith(_COMMIT) and line.endswith(b"\n"):
                    commit = json.loads(line)
                    self.batches[commit["batch"]] = _batch(commit, path, at)
                    end = at + len(line)
                at += len(line)
        self._read[path] = end


def _batch(commit: Mapping[str, Any], path: Path, end: int) -> Batch:
    start = end - sum(commit["bytes"])
    places = {}
    for row, size in zip(commit["rows"], commit["bytes"], strict=True):
        places[row] = (path, start)
        start += size
    return Batch(commit["counts"], places)
