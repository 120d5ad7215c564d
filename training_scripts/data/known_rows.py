"""Which rows training has had before: their content keys, 8 bytes each, sorted, in one file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training_scripts.container import Job

CHANNEL = "known"
FILE = "keys.u64"
LITTLE_ENDIAN = np.dtype("<u8")


def count_new(job: Job, keys: NDArray[np.uint64]) -> dict[str, int]:
    """Return the metric `new_rows`, and leave the keys of old and new rows; nothing if not asked.

    Args:
        job: The dataset step.
        keys: The content key of each row that is used.
    """
    if not job.settings.get("count_new_rows"):
        return {}
    known = _read(job.input(CHANNEL) / FILE)
    new = np.setdiff1d(keys, known)
    together = np.union1d(keys, known).astype(LITTLE_ENDIAN)
    together.tofile(job.output(CHANNEL) / FILE)
    return {"new_rows": len(new)}


def remember(job: Job) -> None:
    """Let the rows of this execution be known to the next; a smoke run has trained on none."""
    if job.smoke:
        print("a smoke run remembers no rows", flush=True)
        return
    source = job.input(CHANNEL) / FILE
    shutil.copy(source, job.output(CHANNEL) / FILE)
    print(f"rows known: {len(_read(source)):,}", flush=True)


def _read(path: Path) -> NDArray[np.uint64]:
    if not path.exists():  # Before the first execution that went on.
        return np.empty(0, dtype=np.uint64)
    return np.fromfile(path, dtype=LITTLE_ENDIAN).astype(np.uint64)
