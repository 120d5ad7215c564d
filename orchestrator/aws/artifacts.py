"""What the steps of an execution wrote, in the bucket: listed and fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.aws.assets import split_uri
from orchestrator.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.aws.clients import Aws


@dataclass(frozen=True)
class Artifact:
    """One object below an output of a step."""

    uri: str
    size_bytes: int


def artifacts_below(uri: str, aws: Aws) -> Iterator[Artifact]:
    """Yield the object at `uri`, or all objects in that folder."""
    bucket, key = split_uri(uri)
    folder = key.rstrip("/")
    for page in aws.pages("s3", "ListObjectsV2", Bucket=bucket, Prefix=folder):
        for found in page.get("Contents", ()):
            name = found["Key"]
            # The prefix `out` also lists what is in `output`; a key that ends so marks a folder.
            if name == folder or (name.startswith(f"{folder}/") and not name.endswith("/")):
                yield Artifact(f"s3://{bucket}/{name}", found["Size"])


def read_object(uri: str, aws: Aws) -> bytes | None:
    """Return the bytes of one object; None if it is not there."""
    bucket, key = split_uri(uri)
    try:
        return bytes(aws.call("s3", "GetObject", Bucket=bucket, Key=key)["Body"].read())
    except NotFoundError:
        return None


def fetch(artifact: Artifact, path: Path, aws: Aws) -> None:
    """Write the bytes of `artifact` to `path`, whole or not at all."""
    bucket, key = split_uri(artifact.uri)
    aws.get(bucket, key, path)
