"""Checkpoints of one run: whole or absent, checked on reading, never pickles.

```text
CHECKPOINT_DIR/FINGERPRINT/step-00000040/state.json          step, history, digest of the tensors
                                         tensors.safetensors
```
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STATE, _TENSORS, _PARTIAL = "state.json", "tensors.safetensors", ".partial-"


@dataclass(frozen=True)
class Checkpoint:
    """A run's state after optimizer step `step`."""

    step: int
    state: dict[str, Any]
    """What is plain JSON."""
    tensors: dict[str, Any]
    """What is tensors, on the CPU."""


@dataclass(frozen=True)
class CheckpointStore:
    """The checkpoints of the run with one fingerprint."""

    folder: Path
    keep: int
    """How many checkpoints to keep: the newest."""

    def save(self, step: int, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> Path:
        """Write a checkpoint under a name it only gets once it is on the disk whole."""
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        final = self.folder / f"step-{step:08d}"
        partial = self.folder / f"{_PARTIAL}{step:08d}"
        self._drop_partial()
        partial.mkdir()
        try:
            save_file(
                {name: tensor.contiguous() for name, tensor in tensors.items()}, partial / _TENSORS
            )
            record = {"step": step, "sha256": _sha256(partial / _TENSORS), "state": dict(state)}
            (partial / _STATE).write_text(json.dumps(record), encoding="utf-8")
            for path in (partial / _TENSORS, partial / _STATE, partial):
                _to_disk(path)
        except BaseException:
            # Most likely the disk is full: leave the room to others.
            self._drop_partial()
            raise
        shutil.rmtree(final, ignore_errors=True)
        partial.replace(final)
        _to_disk(self.folder)
        self._drop_old()
        return final

    def load_latest(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, None if there is none.

        Prints which ones it had to skip.
        """
        for folder in reversed(self._folders()):
            try:
                return _read(folder)
            except (OSError, ValueError, KeyError, TypeError) as error:
                print(f"checkpoints: {folder.name} is damaged ({error}); trying the one before.")
        return None

    def clear(self) -> None:
        """Remove all checkpoints of this run; those of others stay."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _drop_partial(self) -> None:
        # Of any step: what a killed attempt left would else stay for ever.
        for folder in self.folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _drop_old(self) -> None:
        for folder in self._folders()[: -self.keep]:
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Checkpoint:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    record = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    found = _sha256(folder / _TENSORS)
    if found != record["sha256"]:
        message = f"{_TENSORS} has digest {found[:12]}, not {record['sha256'][:12]}"
        raise ValueError(message)
    try:
        tensors = load_file(folder / _TENSORS)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return Checkpoint(int(record["step"]), dict(record["state"]), tensors)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
