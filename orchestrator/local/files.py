"""Files written whole or not at all, copied without sharing, and errors of a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import DiskFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = {errno.ENOSPC, errno.EDQUOT}
_CANNOT_SHARE = {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM}
_MODE = 0o644


@contextlib.contextmanager
def naming_full_disks(where: Path) -> Iterator[None]:
    """Turn an `OSError` for lack of space into a `DiskFullError` that says where."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFullError(disk_full_text(where), retryable=True) from error


def disk_full_text(where: Path) -> str:
    """Return what to tell a person when the disk that holds `where` is full."""
    folder = next(parent for parent in (where, *where.parents) if parent.exists())
    free = shutil.disk_usage(folder).free / 2**20
    return (
        f"{where}: no space is left on the disk ({free:.1f} MiB free). "
        "Free some, then run `fmo resume`."
    )


@contextlib.contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """Yield the path of a new, empty file in `folder`; it is gone afterwards unless moved."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """Fill the file at `path`, and return once the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), _MODE)
        file.flush()
        os.fsync(file.fileno())


def copy_durably(source: Path, target: Path) -> None:
    """Copy the bytes of `source`, and return once the disk has them."""
    copy_bytes(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def copy_bytes(source: Path, target: Path) -> None:
    """Copy the bytes of `source`, sharing blocks where the file system copies on write.

    A hard link would be cheaper, but then a job that changes its input would change the store.
    """
    with source.open("rb") as reader, target.open("wb") as writer:
        os.fchmod(writer.fileno(), _MODE)
        try:
            while os.copy_file_range(reader.fileno(), writer.fileno(), 2**30):
                pass
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _CANNOT_SHARE:
                raise
            reader.seek(0)
            writer.seek(0)
            writer.truncate()
            shutil.copyfileobj(reader, writer, 2**20)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees all of it or what was there before."""
    with temporary_file(path.parent) as partial, naming_full_disks(path):
        write_durably(partial, data)
        partial.replace(path)
