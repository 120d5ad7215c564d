"""The name under which a job's checkpoints are kept: what would make resuming wrong changes it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FORMAT = 2
"""Raised when a new version could not read the checkpoints of an old one."""
_EDGE = 1 << 20
"""Of files above twice this size, the first and last so many bytes are read."""


def fingerprint(settings: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """Return 16 hex digits that change with the settings or with any file of `folders`.

    Of weights, which may be hundreds of gigabytes, size and both ends stand for the whole.
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, settings], sort_keys=True).encode())
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(
                f"\0{path.relative_to(folder).as_posix()}\0{path.stat().st_size}".encode()
            )
            _add_content(digest, path)
    return digest.hexdigest()[:16]


def _add_content(digest: Any, path: Path) -> None:
    weights = path.suffix == ".safetensors" and path.stat().st_size > 2 * _EDGE
    with path.open("rb") as content:
        if weights:
            digest.update(content.read(_EDGE))
            content.seek(-_EDGE, 2)
        while block := content.read(_EDGE):
            digest.update(block)
