"""Models of the hub in the bucket: what is missing there, and bringing it over file by file.

Each key holds the model's commit, and S3 stores an object whole or not at all. So what is there at
its full size is right; a mirror that was cut off goes on at the next file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from orchestrator.aws.assets import sizes_below, split_uri
from orchestrator.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.aws.clients import Aws

CHUNK_BYTES = 2**20


class FileFacts(Protocol):
    """One file of a model, as the lock has it."""

    @property
    def size_bytes(self) -> int:
        """Of the whole file."""
        ...

    @property
    def sha256(self) -> str | None:
        """Of large files."""
        ...

    @property
    def git_sha1(self) -> str | None:
        """Of the others: the id of git's blob."""
        ...


@dataclass(frozen=True)
class HubFolder:
    """A model of the hub that must be in the bucket before the definition runs."""

    uri: str
    """`s3://BUCKET/KEY/`, with the commit in it."""
    model_id: str
    commit: str
    files: Mapping[str, FileFacts]
    """Name to what the lock says of it."""


@dataclass(frozen=True)
class MissingFile:
    """One file of a model that the bucket lacks."""

    bucket: str
    key: str
    model: HubFolder
    name: str

    @property
    def uri(self) -> str:
        """`s3://BUCKET/KEY`."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def facts(self) -> FileFacts:
        """What the lock says of it."""
        return self.model.files[self.name]

    @property
    def size_bytes(self) -> int:
        """As the lock says."""
        return self.facts.size_bytes


Fetch: TypeAlias = Callable[[MissingFile], AbstractContextManager[Path]]
"""Gives a file of the hub on this machine, for as long as it is read."""


def missing_files(models: Iterable[HubFolder], aws: Aws) -> Iterator[MissingFile]:
    """Yield what the bucket lacks of `models`, in the order of keys."""
    for model in models:
        bucket, prefix = split_uri(model.uri)
        there = sizes_below(bucket, prefix, aws)
        for name, facts in sorted(model.files.items()):
            if there.get(prefix + name) != facts.size_bytes:
                yield MissingFile(bucket, prefix + name, model, name)


def mirror(file: MissingFile, fetch: Fetch, aws: Aws, *, kms_key_id: str | None = None) -> None:
    """Bring one file of a model to the bucket.

    Raises:
        DataError: If the hub does not give it, or gives another one than was locked.
    """
    with fetch(file) as path:
        _is_what_was_locked(file, path)
        aws.put(file.bucket, file.key, path, kms_key_id=kms_key_id)


def _is_what_was_locked(file: MissingFile, path: Path) -> None:
    facts, size = file.facts, path.stat().st_size
    # The id of a blob is the hash of its kind, its size and its bytes (git, hash-object).
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    found = _digest(path, hashlib.sha256() if facts.sha256 else blob)
    if size != facts.size_bytes or found != (facts.sha256 or facts.git_sha1):
        where = f"hf://{file.model.model_id}@{file.model.commit}"
        what = f"{file.name} has other bytes than the lock says"
        raise DataError(Problem(where, what, "Repeat the command; if it stays, run `fmo lock`."))


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
