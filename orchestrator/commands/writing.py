"""A file that a command was asked to write: whole or not at all, and what is in the way named."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from orchestrator.errors import InputError, Problem
from orchestrator.local.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}


def write_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`, and make the folders above it.

    Raises:
        InputError: If it is a folder, may not be written, or a file stands where a folder must.
        OSError: If the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        if (path.exists() and not path.is_file()) or path.is_symlink():
            # A terminal, a pipe or a link is written to; a new file must not take its place.
            path.write_bytes(data)
        else:
            write_whole(path, data)
    except OSError as error:
        if error.errno in _FULL:
            raise
        raise InputError(_refusal(path, error)) from error


def _refusal(path: Path, error: OSError) -> Problem:
    match error:
        case IsADirectoryError():
            return Problem(str(path), "it is a folder", "Name a file in it.")
        case FileExistsError() | NotADirectoryError():
            what = f"'{error.filename}' is a file, not a folder"
            return Problem(str(path), what, "Name a file in a folder.")
        case PermissionError():
            what = f"the folder '{path.parent}' may not be written by this user"
            return Problem(str(path), what, "Name a file in a folder of yours.")
    what = f"it cannot be written: {(error.strerror or str(error)).lower()}"
    return Problem(str(path), what, "Name another file.")
