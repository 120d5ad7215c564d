"""The journal: versions, several users, and who may register a model."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import JournalVersionError, StoreError
from orchestrator.local.journal import Journal
from orchestrator.local.journal_rows import (
    SCHEMA,
    VERSION,
    CacheRecord,
    ExecutionRecord,
    StepRecord,
)
from orchestrator.results.model import StepResult, step_to_json

if TYPE_CHECKING:
    from pathlib import Path


def execution(name: str) -> ExecutionRecord:
    return ExecutionRecord(name, "2026-01-01T00:00:00+00:00", "p", b"{}", {"A": 1}, {}, 2)


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalVersionError, match=r"a newer fmo wrote this journal \(version 99"):
        Journal(path)
    assert path.read_bytes()[100:] == before[100:]


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(StoreError, match="this is not a journal of fmo"):
        Journal(path)


@pytest.mark.parametrize("schema", ["", "CREATE TABLE executions (id TEXT)"])
def test_a_journal_of_another_form_is_told_with_what_to_do(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute(schema or "CREATE TABLE others (id TEXT)")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.close()
    with Journal(path) as journal, pytest.raises(JournalVersionError) as caught:
        journal.executions()
    assert "this journal has another form than this fmo writes (no such " in str(caught.value)
    assert "FMO_HOME" in str(caught.value)


def test_a_journal_that_cannot_be_opened_is_told_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the journal cannot be used: unable to open"):
        Journal(tmp_path)


def test_the_form_of_the_journal_changes_only_with_its_version() -> None:
    form = SCHEMA + " ".join(step_to_json(StepResult("a", "Processing")))
    # When this fails: raise VERSION by one if a release wrote the form before, then copy the hash.
    assert (VERSION, hashlib.sha256(form.encode()).hexdigest()[:12]) == (1, "1ba676f0098c")


def test_what_was_recorded_is_read_back_by_another_user(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as writer, Journal(tmp_path / "j.db") as reader:
        steps = [StepRecord("b", {"x": 1}), StepRecord("a", {"x": 2})]
        writer.add_execution(execution("one"), steps)
        done = StepRecord("a", {"x": 3}, {"Uri": "s3://b/k"}, {"part": "value"})
        writer.set_step("one", done, CacheRecord("key", "one", "a", "now", {"s3://b/k": "sha"}))
        writer.set_execution("one", "Failed", "later", "because")
        assert reader.steps("one") == [steps[0], done]
        assert reader.step("one", "a") == done
        assert reader.step("one", "c") is None
        found = reader.execution("one")
        assert found is not None
        assert (found.status, found.failure_reason) == ("Failed", "because")
        cached = reader.cached("key")
        assert cached is not None
        assert cached.contents == {"s3://b/k": "sha"}
        assert reader.cached("other") is None


def test_an_execution_whose_recording_breaks_off_was_never_there(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        twice = [StepRecord("a", {}), StepRecord("a", {})]
        with pytest.raises(sqlite3.IntegrityError):
            journal.add_execution(execution("one"), twice)
        assert journal.executions() == []


def test_one_step_registers_one_model_however_often_it_asks(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        first = journal.register_model("g", ("one", "publish"), "now", {"A": 1})
        again = journal.register_model("g", ("one", "publish"), "later", {"A": 2})
        other = journal.register_model("g", ("two", "publish"), "later", {"A": 3})
        assert first == again
        assert (first["ModelPackageVersion"], other["ModelPackageVersion"]) == (1, 2)
        assert len(journal.models()) == 2


def test_threads_and_connections_share_one_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as one, Journal(tmp_path / "j.db") as two:

        def register(journal: Journal, name: str) -> None:
            for number in range(20):
                journal.register_model("g", (name, str(number)), "now", {})

        threads = [
            threading.Thread(target=register, args=(journal, name))
            for journal, name in ((one, "a"), (one, "b"), (two, "c"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(one.models()) == 60
