"""Checkpoints of trl's trainers: the newest that is whole, with the history as it was then.

The trainer writes its files one by one under the final name. Last of all comes `complete.json`,
which says how large each of them is; a checkpoint without it, or that differs, is not resumed.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COMPLETE = "complete.json"
_PREFIX = "checkpoint-"
"""transformers, trainer_utils.py, PREFIX_CHECKPOINT_DIR."""


def complete(folder: Path, state: Mapping[str, Any]) -> None:
    """Mark the checkpoint in `folder` as whole, with what else must come back: plain JSON."""
    record = {"sizes": _sizes(folder), "state": dict(state)}
    partial = folder / f".{_COMPLETE}.partial"
    partial.write_text(json.dumps(record), encoding="utf-8")
    partial.replace(folder / _COMPLETE)


def newest(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the newest whole checkpoint and its state, None if there is none.

    Prints which ones it had to skip, and removes them: a new one will have their name.
    """
    for path in sorted(folder.glob(f"{_PREFIX}*"), key=step_of, reverse=True):
        try:
            return path, _read(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"checkpoints: {path.name} is damaged ({error}); trying the one before.")
            shutil.rmtree(path, ignore_errors=True)
    return None


def step_of(folder: Path) -> int:
    """Return after which optimizer step the checkpoint in `folder` was made."""
    return int(folder.name.removeprefix(_PREFIX))


def _read(folder: Path) -> dict[str, Any]:
    if not (folder / _COMPLETE).is_file():
        message = "it was cut off while it was written"
        raise ValueError(message)
    record = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))
    found = _sizes(folder)
    for name, size in record["sizes"].items():
        if found.get(name) != size:
            message = f"{name} has {found.get(name, 0)} bytes, not {size}"
            raise ValueError(message)
    return dict(record["state"])


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in files
        if _COMPLETE not in path.name
    }
