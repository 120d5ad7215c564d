"""S3 as files: `s3://bucket/key` under a root that no key can leave.

An object appears under its name whole or not at all. Several processes may use one store.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from orchestrator.errors import KeyOutsideStoreError, StoreError
from orchestrator.local.files import (
    copy_bytes,
    copy_durably,
    naming_full_disks,
    temporary_file,
    write_durably,
)
from orchestrator.local.keys import (
    BESIDE_FOLDER,
    Location,
    decode_names,
    encode_key,
    parse_uri,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TEMPORARY = ".partial"
"""No bucket's name starts with a dot."""


@dataclass(frozen=True)
class StoredObject:
    """One object."""

    location: Location
    path: Path
    size_bytes: int
    version: str
    """Another one whenever the object was written anew."""

    @property
    def uri(self) -> str:
        """The `s3://` URI."""
        return self.location.uri


class Store:
    """The objects under one root. Every method takes `s3://` URIs.

    `owner` is who writes: an execution, which may sweep away what it left when it was killed.
    """

    def __init__(self, root: Path, owner: str = "shared") -> None:
        # A home that is a symbolic link is fine; a link inside the store is not.
        self.root = Path(os.path.realpath(root))
        self._partial = self.root / _TEMPORARY / owner

    def put_bytes(self, uri: str, data: bytes) -> None:
        """Store `data` as the object `uri`, replacing what was there."""
        location = self._object(uri)
        with temporary_file(self._partial) as partial, naming_full_disks(self.root):
            write_durably(partial, data)
            self._place(partial, location)

    def put_file(self, uri: str, path: Path, *, give_away: bool = False) -> None:
        """Store the bytes of the file at `path` as the object `uri`.

        Args:
            uri: Where to.
            path: The file; it is copied.
            give_away: Nobody will write to the file again, so its blocks may be shared.
        """
        location = self._object(uri)
        with temporary_file(self._partial) as partial, naming_full_disks(self.root):
            if not (give_away and _linked(path, partial)):
                copy_durably(path, partial)
            self._place(partial, location)

    def get(self, uri: str) -> bytes:
        """Return the bytes of the object `uri`.

        Raises:
            StoreError: If there is none.
        """
        found = self.find(uri)
        if found is None:
            message = f"{uri}: there is no such object in the local store at {self.root}."
            raise StoreError(message)
        return found.path.read_bytes()

    def find(self, uri: str) -> StoredObject | None:
        """Return the object `uri`, or None."""
        location = parse_uri(uri)
        return self._stat(location) if location.key else None

    def path(self, uri: str) -> Path | None:
        """Return the file or folder that `uri` names, to read and not to write; None if empty."""
        single = self.find(uri) if not uri.endswith("/") else None
        if single is not None:
            return single.path
        location = parse_uri(uri)
        key = location.key.rstrip("/")
        folder = self.root.joinpath(location.bucket, *(encode_key(key) if key else ()))
        self._refuse_links(folder)
        return folder if folder.is_dir() else None

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the objects whose URI starts with `prefix`, by key, as S3 does."""
        location = parse_uri(prefix)
        folder, _, start = location.key.rpartition("/")
        base = (location.bucket, *(encode_key(folder) if folder else ()))
        top = self.root.joinpath(*base)
        self._refuse_links(top)
        found = self._walk(location.bucket, top, base[1:], location.key if start else "")
        return sorted(found, key=lambda item: item.location.key)

    def tree(self, uri: str) -> dict[str, StoredObject]:
        """Return what a job gets from `uri`: relative path to object.

        That is the object `uri` itself under its last name, or all objects below it as a folder.
        """
        location = parse_uri(uri)
        single = self.find(uri) if not location.key.endswith("/") else None
        if single is not None:
            return {location.key.rpartition("/")[2]: single}
        folder = location.below("").key
        objects = self.list(Location(location.bucket, folder).uri)
        below = {item.location.key[len(folder) :]: item for item in objects}
        return {path: item for path, item in below.items() if path and not path.endswith("/")}

    def download(self, uri: str, folder: Path) -> int:
        """Copy what `uri` names (see `tree`) into `folder`; return how many files."""
        objects = self.tree(uri)
        for relative, item in objects.items():
            target = folder.joinpath(*relative.split("/"))
            with naming_full_disks(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                copy_bytes(item.path, target)
        return len(objects)

    def upload(self, folder: Path, prefix: str, *, give_away: bool = False) -> Sequence[str]:
        """Store every file under `folder` below `prefix`; return the URIs, sorted.

        Raises:
            KeyOutsideStoreError: If a symbolic link leads out of `folder`.
        """
        base = parse_uri(prefix)
        stored = []
        for relative, path in files_below(folder).items():
            uri = base.below(relative).uri
            self.put_file(uri, path, give_away=give_away)
            stored.append(uri)
        return stored

    def folder(self, uri: str) -> Path:
        """Return where the objects below `uri` lie, whether or not there are any.

        For files that grow while a job writes them; all others are put.
        """
        location = parse_uri(uri)
        folder = self.root.joinpath(location.bucket, *encode_key(location.key.strip("/")))
        self._refuse_links(folder)
        return folder

    def delete(self, uri: str) -> None:
        """Remove the object `uri` if it is there."""
        found = self.find(uri)
        if found is not None:
            found.path.unlink(missing_ok=True)

    def scratch(self) -> TemporaryDirectory[str]:
        """Return a folder on the store's disk, for what is stored next; a context ends it."""
        self._partial.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(dir=self._partial)

    def sweep(self) -> None:
        """Remove what an owner of this name that was killed left half-written."""
        shutil.rmtree(self._partial, ignore_errors=True)

    def _object(self, uri: str) -> Location:
        location = parse_uri(uri)
        if not location.key:
            message = f"{uri!r} names a bucket, not an object. Add a key."
            raise StoreError(message)
        return location

    def _place(self, partial: Path, location: Location) -> None:
        *folders, name = encode_key(location.key)
        folder = self.root / location.bucket
        _make_folder(folder)
        for part in folders:
            folder = folder / part
            _make_folder(folder)
        self._refuse_links(folder)
        try:
            partial.replace(folder / name)
        except IsADirectoryError:
            partial.replace(folder / (name + BESIDE_FOLDER))

    def _stat(self, location: Location) -> StoredObject | None:
        path = self.root.joinpath(location.bucket, *encode_key(location.key))
        self._refuse_links(path.parent)
        for candidate in (path, path.with_name(path.name + BESIDE_FOLDER)):
            found = _regular(candidate)
            if found is not None:
                return StoredObject(location, candidate, found.st_size, _version(found))
        return None

    def _walk(
        self, bucket: str, folder: Path, names: tuple[str, ...], start: str
    ) -> Iterator[StoredObject]:
        """Yield the objects in `folder` whose key begins with `start`, at the first level."""
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            here = (*names, entry.name)
            key = decode_names(here)
            if not key.startswith(start) and not start.startswith(key):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(bucket, Path(entry.path), here, start)
            elif entry.is_file(follow_symlinks=False) and key.startswith(start):
                status = entry.stat(follow_symlinks=False)
                location = Location(bucket, key)
                yield StoredObject(location, Path(entry.path), status.st_size, _version(status))

    def _refuse_links(self, folder: Path) -> None:
        if os.path.realpath(folder) != str(folder):
            message = f"{folder}: a symbolic link leads out of the store. Remove it."
            raise KeyOutsideStoreError(message)


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files under `folder` by relative path, links inside it followed, sorted.

    Raises:
        KeyOutsideStoreError: If a symbolic link leads out of `folder`.
    """
    root = os.path.realpath(folder)
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        for name in [*names, *(item for item in folders if Path(parent, item).is_symlink())]:
            path = Path(parent, name)
            real = Path(os.path.realpath(path))
            if not real.is_relative_to(root):
                message = f"{path}: this link leads to {real}, outside of what the job wrote."
                raise KeyOutsideStoreError(message)
            found.update(_linked_files(path, real, Path(folder)))
    return dict(sorted(found.items()))


def _linked_files(path: Path, real: Path, folder: Path) -> dict[str, Path]:
    relative = path.relative_to(folder).as_posix()
    if real.is_file():
        return {relative: real}
    if path.is_symlink() and real.is_dir():
        # os.walk does not enter linked folders, which also keeps it out of circles.
        return {f"{relative}/{item.name}": item for item in real.iterdir() if item.is_file()}
    return {}


def _make_folder(folder: Path) -> None:
    """Make `folder`, moving an object of the same name beside it."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            # Another process may have moved it already.
            _rename_if_there(folder, folder.with_name(folder.name + BESIDE_FOLDER))
        else:
            return


def _rename_if_there(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:
        return


def _regular(path: Path) -> os.stat_result | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _version(found: os.stat_result) -> str:
    # The time alone would not do: archives and copies set it to what they like. A new object is
    # written beside the old one before it takes its place, so the two differ in their inode.
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def _linked(source: Path, target: Path) -> bool:
    """Make `target` another name of `source`'s file; return whether that was possible."""
    target.unlink()
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        target.touch()
        return False
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return True
