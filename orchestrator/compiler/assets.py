"""Folders that a definition names by the hash of what is in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class LocalFile:
    """A file that stays where it is until it is uploaded."""

    path: Path
    sha256: str
    size_bytes: int


Content: TypeAlias = bytes | LocalFile


@dataclass(frozen=True)
class Asset:
    """A folder to store at `uri` before the definition runs."""

    uri: str
    """`s3://BUCKET/fmo/assets/code/HASH/` or `.../data/HASH/`; ends with a slash."""
    files: Mapping[str, bytes | Path]
    """Path below `uri` to what is stored there."""


def content_hash(files: Mapping[str, Content]) -> str:
    """Return the SHA-256 over the sorted paths and bytes of `files`, in hexadecimal."""
    whole = hashlib.sha256()
    for path in sorted(files):
        # Each entry has a fixed form, so that no two different folders hash alike.
        whole.update(f"{len(path.encode())}:{path}:{_digest(files[path])}\n".encode())
    return whole.hexdigest()


def code_asset(bucket: str, files: Mapping[str, bytes]) -> Asset:
    """Return the asset of one step's code."""
    return Asset(f"s3://{bucket}/fmo/assets/code/{content_hash(files)}/", dict(files))


def data_asset(bucket: str, files: Mapping[str, Content]) -> Asset:
    """Return the asset of a local file or folder that a step reads."""
    uri = f"s3://{bucket}/fmo/assets/data/{content_hash(files)}/"
    return Asset(uri, {path: _stored(content) for path, content in files.items()})


def _digest(content: Content) -> str:
    return content.sha256 if isinstance(content, LocalFile) else hashlib.sha256(content).hexdigest()


def _stored(content: Content) -> bytes | Path:
    return content.path if isinstance(content, LocalFile) else content
