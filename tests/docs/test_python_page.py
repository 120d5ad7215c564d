"""The page about Python: its sessions are run, and it leaves nothing of the pipeline out."""

from __future__ import annotations

import doctest
import re
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import Pipeline
from orchestrator.results.model import StepResult

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
TEXT = PAGE.read_text(encoding="utf-8")
NOT_SHOWN = {"name", "description", "type", "started_at", "ended_at", "cached", "attempts",
             "failure_reason", "depends_on", "branch", "condition_outcome", "conditions",
             "arguments_hash", "status", "paths"}  # fmt: skip


def test_the_sessions_on_the_page_say_what_python_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FMO_HOME", raising=False)
    test = doctest.DocTestParser().get_doctest(TEXT, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 20
    told: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(test, out=told.append)
    assert "".join(told) == ""


def test_every_method_of_a_pipeline_is_on_the_page() -> None:
    methods = {name for name in dir(Pipeline) if not name.startswith("_")}
    inner = {"step_names", "written"}
    assert [name for name in methods - inner if f"{name}(" not in TEXT] == []


def test_every_argument_of_a_run_is_in_the_table() -> None:
    table = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert set(signature(Pipeline.run).parameters) - {"self"} == table


def test_the_members_of_a_step_are_in_the_table() -> None:
    members = {one.name for one in fields(StepResult)} - NOT_SHOWN
    assert [name for name in members if f"`.{name}" not in TEXT] == []
