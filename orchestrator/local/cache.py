"""The cache: a key for each run of a step by content, earlier outputs, and what changed."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.definition.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Cache
    from orchestrator.local.job_plan import JobPlan
    from orchestrator.local.journal import Journal
    from orchestrator.local.journal_rows import CacheRecord
    from orchestrator.local.store import Store, StoredObject

_NOT_IN_KEY = {
    "RoleArn",
    "Tags",
    "ExperimentConfig",
    "CheckpointConfig",
    "StoppingCondition",
    "TensorBoardOutputConfig",
}
_DESTINATIONS = {"S3Uri", "S3OutputPath", "KmsKeyId"}
_OUTPUT_MEMBERS = {"ProcessingOutputConfig", "OutputDataConfig"}
_INPUT_MEMBERS = {"ProcessingInputs", "InputDataConfig"}
_FILES_NAMED = 500
"""A channel with more files counts as one part."""


def key_parts(
    request: Mapping[str, Json], plan: JobPlan, store: Store, journal: Journal
) -> dict[str, str]:
    """Return everything a step's result depends on: request, code, inputs, interpreter.

    Where outputs go, and where inputs lie, does not count: what is in the inputs does.
    """
    parts = {"python": sys.version.split()[0]}
    for member, value in request.items():
        if member not in _NOT_IN_KEY:
            skipped = _DESTINATIONS if member in _OUTPUT_MEMBERS | _INPUT_MEMBERS else set()
            parts.update(_leaves(member, value, skipped))
    for channel in plan.channels:
        tree = store.tree(channel.uri)
        digests = object_digests(tree.values(), journal)
        files = {path: digests[item.uri] for path, item in tree.items()}
        if len(files) > _FILES_NAMED:
            files = {f"{len(files)} files": cache_key(files)}
        parts.update({f"inputs.{channel.name}/{path}": sha for path, sha in files.items()})
    return parts


def cache_key(parts: Mapping[str, str]) -> str:
    """Return the key made of `parts`."""
    return hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()


def find_cached(
    key: str, cache: Cache, now: datetime, store: Store, journal: Journal
) -> CacheRecord | None:
    """Return the step whose outputs may stand for this one's, if they are fresh and unchanged."""
    record = journal.cached(key)
    if record is None or _is_expired(record, cache, now):
        return None
    objects = {uri: store.find(uri) for uri in record.contents}
    there = [item for item in objects.values() if item is not None]
    if len(there) != len(objects) or object_digests(there, journal) != dict(record.contents):
        return None
    return record


def object_digests(objects: Iterable[StoredObject], journal: Journal) -> dict[str, str]:
    """Return the SHA-256 of each object by URI; those known from before are not read again."""
    found: dict[str, str] = {}
    new = []
    for item in objects:
        known = journal.digest(str(item.path), item.version)
        if known is None:
            with item.path.open("rb") as file:
                known = hashlib.file_digest(file, "sha256").hexdigest()
            new.append((str(item.path), item.version, known))
        found[item.uri] = known
    if new:
        journal.add_digests(new)
    return found


def _is_expired(record: CacheRecord, cache: Cache, now: datetime) -> bool:
    if cache.expire_after is None:
        return False
    return datetime.fromisoformat(record.ended_at) + parse_duration(cache.expire_after) <= now


def _leaves(path: str, value: Json, skipped: set[str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name not in skipped:
                yield from _leaves(f"{path}.{name}", member, skipped)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _leaves(f"{path}[{position}]", item, skipped)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)
