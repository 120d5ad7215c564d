"""What happened, in SQLite, written before each act so that a kill at any moment loses nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, cast

from orchestrator.errors import DiskFullError, JournalVersionError, StoreBusyError, StoreError
from orchestrator.local.files import disk_full_text, naming_full_disks
from orchestrator.local.journal_rows import (
    SCHEMA,
    VERSION,
    CacheRecord,
    ExecutionRecord,
    StepRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from orchestrator.definition.json import Json

_BUSY_SECONDS = 30.0


class Journal:
    """The journal file; safe to use from several threads and several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._translated():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_execution(self, record: ExecutionRecord, steps: Sequence[StepRecord]) -> None:
        """Record an execution and all its steps, before the first one starts."""
        with self._transaction() as write:
            write.execute(
                "INSERT INTO executions (id, started_at, pipeline_name, definition, parameters,"
                " source, workers, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    record.id,
                    record.started_at,
                    record.pipeline_name,
                    record.definition,
                    json.dumps(record.parameters),
                    json.dumps(record.source),
                    record.workers,
                    record.status,
                ),
            )
            write.executemany(
                "INSERT INTO steps (execution_id, name, position, result) VALUES (?, ?, ?, ?)",
                [
                    (record.id, step.name, position, json.dumps(step.result))
                    for position, step in enumerate(steps)
                ],
            )

    def set_execution(
        self, execution_id: str, status: str, ended_at: str | None, failure_reason: str | None
    ) -> None:
        """Record how an execution stands."""
        with self._transaction() as write:
            write.execute(
                "UPDATE executions SET status = ?, ended_at = ?, failure_reason = ? WHERE id = ?",
                (status, ended_at, failure_reason, execution_id),
            )

    def set_step(
        self, execution_id: str, record: StepRecord, cache: CacheRecord | None = None
    ) -> None:
        """Record how a step stands and, once it succeeded, that others may use its outputs."""
        with self._transaction() as write:
            write.execute(
                "UPDATE steps SET result = ?, properties = ?, cache_parts = ?"
                " WHERE execution_id = ? AND name = ?",
                (
                    json.dumps(record.result),
                    json.dumps(record.properties),
                    json.dumps(record.cache_parts),
                    execution_id,
                    record.name,
                ),
            )
            if cache:
                write.execute(
                    "INSERT OR REPLACE INTO cache (key, execution_id, step, ended_at, contents)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (
                        cache.key,
                        cache.execution_id,
                        cache.step,
                        cache.ended_at,
                        json.dumps(cache.contents),
                    ),
                )

    def execution(self, execution_id: str) -> ExecutionRecord | None:
        """Return the execution, or None."""
        rows = self._read("SELECT * FROM executions WHERE id = ?", execution_id)
        return _execution(rows[0]) if rows else None

    def executions(self) -> list[ExecutionRecord]:
        """Return all executions, newest first."""
        rows = self._read("SELECT * FROM executions ORDER BY started_at DESC, rowid DESC")
        return [_execution(row) for row in rows]

    def steps(self, execution_id: str) -> list[StepRecord]:
        """Return the steps of an execution, in the definition's order."""
        rows = self._read(
            "SELECT * FROM steps WHERE execution_id = ? ORDER BY position", execution_id
        )
        return [_step(row) for row in rows]

    def step(self, execution_id: str, name: str) -> StepRecord | None:
        """Return one step of an execution, or None."""
        rows = self._read(
            "SELECT * FROM steps WHERE execution_id = ? AND name = ?", execution_id, name
        )
        return _step(rows[0]) if rows else None

    def cached(self, key: str) -> CacheRecord | None:
        """Return the step that ran with this cache key, or None."""
        rows = self._read("SELECT * FROM cache WHERE key = ?", key)
        if not rows:
            return None
        return CacheRecord(**{**dict(rows[0]), "contents": json.loads(rows[0]["contents"])})

    def digest(self, path: str, version: str) -> str | None:
        """Return the SHA-256 of an object's file if it was recorded for this version of it."""
        query = "SELECT sha256 FROM digests WHERE path = ? AND version = ?"
        rows = self._read(query, path, version)
        return cast("str", rows[0]["sha256"]) if rows else None

    def add_digests(self, digests: Sequence[tuple[str, str, str]]) -> None:
        """Record path, version and SHA-256 of files."""
        with self._transaction() as write:
            write.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", digests)

    def register_model(
        self, group: str, owner: tuple[str, str], created_at: str, package: Mapping[str, Json]
    ) -> Mapping[str, Json]:
        """Record a model as the next version of `group`, once for each execution and step.

        Args:
            group: The model package group.
            owner: Execution id and step name.
            created_at: Now.
            package: The request; comes back with `ModelPackageArn` and `ModelPackageVersion`.
        """
        with self._transaction() as write:
            there = write.execute(
                "SELECT package FROM models WHERE execution_id = ? AND step = ?", owner
            ).fetchone()
            if there:
                return cast("Mapping[str, Json]", json.loads(there["package"]))
            newest = write.execute(
                "SELECT max(version) FROM models WHERE group_name = ?", (group,)
            ).fetchone()
            version = (newest[0] or 0) + 1
            arn = f"arn:aws:sagemaker:local:000000000000:model-package/{group}/{version}"
            whole = {**package, "ModelPackageArn": arn, "ModelPackageVersion": version}
            write.execute(
                "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?)",
                (arn, group, version, *owner, created_at, json.dumps(whole)),
            )
            return whole

    def update_model(self, arn: str, changes: Mapping[str, Json]) -> None:
        """Change members of a registered package; the others stay."""
        with self._transaction() as write:
            query = "SELECT package FROM models WHERE arn = ?"
            package = json.loads(write.execute(query, (arn,)).fetchone()["package"])
            whole = json.dumps({**package, **changes})
            write.execute("UPDATE models SET package = ? WHERE arn = ?", (whole, arn))

    def models(self) -> list[Mapping[str, Json]]:
        """Return the registered models, newest first, each with where it came from."""
        rows = self._read("SELECT * FROM models ORDER BY created_at DESC, version DESC")
        return [{**dict(row), "package": json.loads(row["package"])} for row in rows]

    def _prepare(self) -> None:
        with naming_full_disks(self.path), self._translated():
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                # A loss of power may forget the last moments, which then run again; it cannot
                # contradict the store, whose objects are on disk before their step is.
                self._connection.execute("PRAGMA synchronous = NORMAL")
                version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                message = f"{self.path}: this is not a journal of fmo ({error}). Move it away."
                raise StoreError(message) from error
        if version not in {0, VERSION}:
            who, cure = (
                ("a newer", "Upgrade") if version > VERSION else ("an older", "Go back to that")
            )
            message = (
                f"{self.path}: {who} fmo wrote this journal (version {version}; this fmo knows "
                f"{VERSION}). {cure} fmo, or let FMO_HOME name another folder."
            )
            raise JournalVersionError(message)
        if version == 0:
            self._create()

    def _create(self) -> None:
        with self._transaction() as write:
            if write.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in SCHEMA.split(";"):
                    write.execute(statement)
                write.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _read(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock, self._translated():
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise DiskFullError(disk_full_text(self.path), retryable=True) from error
            if "locked" in str(error) or "busy" in str(error):
                message = (
                    f"{self.path}: another process has held the journal for {_BUSY_SECONDS:.0f} s. "
                    "Wait for it to end, or set FMO_HOME to another folder."
                )
                raise StoreBusyError(message, retryable=True) from error
            if "no such" in str(error):
                message = (
                    f"{self.path}: this journal has another form than this fmo writes ({error}). "
                    "Use the fmo that wrote it, or let FMO_HOME name another folder."
                )
                raise JournalVersionError(message) from error
            message = (
                f"{self.path}: the journal cannot be used: {error}. See that it may be written, "
                "or let FMO_HOME name another folder."
            )
            raise StoreError(message) from error


def _execution(row: sqlite3.Row) -> ExecutionRecord:
    members = dict(row)
    members["parameters"] = json.loads(row["parameters"])
    members["source"] = json.loads(row["source"])
    return ExecutionRecord(**members)


def _step(row: sqlite3.Row) -> StepRecord:
    return StepRecord(
        row["name"],
        json.loads(row["result"]),
        json.loads(row["properties"]),
        json.loads(row["cache_parts"]),
    )
