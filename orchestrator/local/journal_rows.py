"""What the journal holds: its tables, and their rows as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.definition.json import Json

VERSION = 1
"""One more with every change of the tables, or of a step's result as JSON, that a release makes."""
SCHEMA = """
CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    pipeline_name TEXT NOT NULL,
    definition BLOB NOT NULL,
    parameters TEXT NOT NULL,
    source TEXT NOT NULL,
    workers INTEGER NOT NULL,
    status TEXT NOT NULL,
    ended_at TEXT,
    failure_reason TEXT
) STRICT;
CREATE TABLE steps (
    execution_id TEXT NOT NULL REFERENCES executions (id),
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    result TEXT NOT NULL,
    properties TEXT NOT NULL DEFAULT 'null',
    cache_parts TEXT NOT NULL DEFAULT 'null',
    PRIMARY KEY (execution_id, name)
) STRICT;
CREATE TABLE cache (
    key TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    step TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    contents TEXT NOT NULL
) STRICT;
CREATE TABLE digests (
    path TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE models (
    arn TEXT PRIMARY KEY,
    group_name TEXT NOT NULL,
    version INTEGER NOT NULL,
    execution_id TEXT NOT NULL,
    step TEXT NOT NULL,
    created_at TEXT NOT NULL,
    package TEXT NOT NULL,
    UNIQUE (group_name, version),
    UNIQUE (execution_id, step)
) STRICT;
"""


@dataclass(frozen=True)
class ExecutionRecord:
    """One execution, as started."""

    id: str
    started_at: str
    pipeline_name: str
    definition: bytes
    parameters: Mapping[str, Json]
    source: Mapping[str, Json]
    workers: int
    status: str = "Executing"
    ended_at: str | None = None
    failure_reason: str | None = None


@dataclass(frozen=True)
class StepRecord:
    """One step of an execution."""

    name: str
    result: Mapping[str, Json]
    """A `StepResult` as JSON."""
    properties: Json = None
    """What `Steps.NAME...` reads."""
    cache_parts: Mapping[str, str] | None = None
    """Every part of the cache key, if the step has a cache."""


@dataclass(frozen=True)
class CacheRecord:
    """A step whose outputs may be used again."""

    key: str
    execution_id: str
    step: str
    ended_at: str
    contents: Mapping[str, str] = field(default_factory=dict)
    """URI of each output object to its SHA-256."""
