"""Folders that a definition names, in the bucket: what is missing there, and putting it there.

Each key holds the hash of what its folder holds, and S3 stores an object whole or not at all. So
what is there, at its full size, is right; an upload that was killed goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from orchestrator.aws.clients import Aws


class Folder(Protocol):
    """A folder that must be in the bucket before the definition runs."""

    @property
    def uri(self) -> str:
        """`s3://BUCKET/KEY/`, with the hash of what is in it."""
        ...

    @property
    def files(self) -> Mapping[str, bytes | Path]:
        """Path below `uri` to what is stored there."""
        ...


@dataclass(frozen=True)
class Upload:
    """One object that the bucket lacks."""

    bucket: str
    key: str
    content: bytes | Path
    size_bytes: int

    @property
    def uri(self) -> str:
        """`s3://BUCKET/KEY`."""
        return f"s3://{self.bucket}/{self.key}"


def missing(folders: Iterable[Folder], aws: Aws) -> Iterator[Upload]:
    """Yield what the bucket lacks of `folders`, in the order of keys."""
    for folder in folders:
        bucket, prefix = split_uri(folder.uri)
        there = sizes_below(bucket, prefix, aws)
        for path, content in sorted(folder.files.items()):
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            if there.get(prefix + path) != size:
                yield Upload(bucket, prefix + path, content, size)


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an `s3://` URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def sizes_below(bucket: str, prefix: str, aws: Aws) -> dict[str, int]:
    """Return key to size of every object below `prefix`."""
    pages = aws.pages("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix)
    return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", ())}
