"""The code of the bridge as Lambda takes it: one archive, the same bytes for the same code."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
"""`orchestrator`; the bridge imports nothing else of ours (pyproject.toml, import contracts)."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can hold."""
UNIX = 3
"""The system on which it says it was made, wherever that was (ZipInfo, create_system)."""
READABLE = 0o644 << 16
"""Lambda runs the code as another user, who has to read it (ZipInfo, external_attr)."""


@dataclass(frozen=True)
class BridgeCode:
    """The archive and the key under which it lies in the bucket."""

    content: bytes

    @property
    def key(self) -> str:
        """Called by the hash of what is in it: new code is a new object."""
        return f"fmo/infra/bridge/{hashlib.sha256(self.content).hexdigest()}.zip"


def bridge_code() -> BridgeCode:
    """Return the archive of the code that is installed here."""
    files = [PACKAGE / "__init__.py", *sorted((PACKAGE / "bridge").rglob("*.py"))]
    target = io.BytesIO()
    # Not compressed: what a compressor makes differs from machine to machine.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            info = zipfile.ZipInfo(file.relative_to(PACKAGE.parent).as_posix(), EPOCH)
            info.create_system, info.external_attr = UNIX, READABLE
            archive.writestr(info, file.read_bytes())
    return BridgeCode(target.getvalue())
