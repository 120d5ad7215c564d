"""Folders and files from disk, with what may not go into an asset refused."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.compiler.assets import LocalFile
from orchestrator.errors import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CODE_BYTES = 20 * 2**20
"""Of one step's code: more is data that belongs in an input."""
MAX_DATA_BYTES = 20 * 2**30
"""Of one local input: more belongs in S3."""
MAX_FILES = 100_000
"""Of one local input."""


def read_code_folder(folder: Path, where: str) -> dict[str, bytes]:
    """Return the bytes of every file below `folder`, hidden files and `__pycache__` left out.

    Raises:
        SpecError: If it is missing, larger than `MAX_CODE_BYTES`, or a link leaves it.
    """
    with naming_unreadable(where):
        files = _list_folder(folder, where, MAX_CODE_BYTES)
        return {name: path.read_bytes() for name, path in files.items()}


def hash_data(path: Path, where: str) -> dict[str, LocalFile]:
    """Return the file at `path`, or every file below it, with its hash.

    Raises:
        SpecError: If there is none, it is larger than `MAX_DATA_BYTES`, or a link leaves it.
    """
    with naming_unreadable(where):
        if path.is_file():
            return {path.name: _hashed(path)}
        files = _list_folder(path, where, MAX_DATA_BYTES)
        return {name: _hashed(file) for name, file in files.items()}


@contextmanager
def naming_unreadable(where: str) -> Iterator[None]:
    """Raise SpecError in place of what the system says of a file that cannot be read."""
    try:
        yield
    except OSError as error:
        what = f"'{error.filename}' cannot be read: {(error.strerror or str(error)).lower()}"
        raise SpecError(Problem(where, what, "Check who may read it.")) from error


def check_inside(path: Path, folder: Path, where: str) -> None:
    """Raise SpecError if `path` leads, through a link, to something that is no file of `folder`."""
    target = path.resolve()
    if not target.is_relative_to(folder.resolve()):
        what = f"'{path}' is a link to '{target}', outside the folder '{folder}'"
        raise SpecError(Problem(where, what, "Put the file itself there."))
    if not target.is_file():
        what = f"'{path}' is a link to '{target}', which is not a file"
        raise SpecError(Problem(where, what, "Put the files themselves there."))


def _check_regular(path: Path, folder: Path, where: str) -> None:
    if path.is_symlink():
        check_inside(path, folder, where)
    elif not path.is_file():  # Reading a named pipe would wait for ever.
        what = f"'{path}' is neither a file nor a folder"
        raise SpecError(Problem(where, what, "Remove it, or name another folder."))


def _list_folder(folder: Path, where: str, max_bytes: int) -> dict[str, Path]:
    if not folder.is_dir():
        raise SpecError(Problem(where, f"there is no file or folder '{folder}'", "Check the path."))
    files: dict[str, Path] = {}
    total = 0
    for path in _walk(folder):
        _check_regular(path, folder, where)
        files[_key(path, folder, where)] = path
        total += path.stat().st_size
        if total > max_bytes or len(files) > MAX_FILES:
            raise SpecError(_too_large(folder, where, max_bytes))
    if not files:
        fix = "Copy files there, or name another."
        raise SpecError(Problem(where, f"the folder '{folder}' holds no files", fix))
    return files


def _walk(folder: Path) -> Iterator[Path]:
    # A link to a folder is yielded like a file, and refused later: following one that points
    # upwards would never end.
    for root, folders, names in os.walk(folder, onerror=_raise):
        linked = [name for name in folders if Path(root, name).is_symlink()]
        folders[:] = sorted(name for name in folders if _is_wanted(name) and name not in linked)
        wanted = (name for name in (*names, *linked) if _is_wanted(name))
        yield from (Path(root, name) for name in sorted(wanted))


def _raise(error: OSError) -> None:
    raise error


def _is_wanted(name: str) -> bool:
    return not name.startswith(".") and name != "__pycache__" and not name.endswith(".pyc")


def _key(path: Path, folder: Path, where: str) -> str:
    key = path.relative_to(folder).as_posix()
    try:
        key.encode()
    except UnicodeEncodeError as error:
        what = f"the file name {key!r} is not UTF-8, as an S3 key must be"
        raise SpecError(Problem(where, what, "Rename the file.")) from error
    return key


def _hashed(path: Path) -> LocalFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return LocalFile(path, digest, path.stat().st_size)


def _too_large(folder: Path, where: str, max_bytes: int) -> Problem:
    what = f"the folder '{folder}' holds more than {max_bytes // 2**20:,} MB or {MAX_FILES:,} files"
    fix = "Give a smaller source_dir, and large files as inputs."
    if max_bytes == MAX_DATA_BYTES:
        fix = "Put the data in S3 and give its s3:// URI."
    return Problem(where, what, fix)
