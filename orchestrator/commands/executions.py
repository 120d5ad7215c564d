"""Executions, reports and models of this machine, as the commands name them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import flow
from orchestrator.commands.options import DEFAULT_HOME
from orchestrator.errors import InputError, Problem
from orchestrator.local import history
from orchestrator.local.home import Home
from orchestrator.results.report import render_report

if TYPE_CHECKING:
    from orchestrator.local.history import Explanation
    from orchestrator.local.registry import RegisteredModel
    from orchestrator.results.model import ExecutionResult

LOG_TAIL_BYTES = 6_000


def open_home(path: Path) -> Home:
    """Return the home at `path`, which need not exist yet."""
    return Home(path.resolve())


def home_option_of(home: Home) -> str:
    """Return ` --home PATH` if a command would look elsewhere without it."""
    usual = Path(os.environ.get("FMO_HOME") or DEFAULT_HOME).resolve()
    return "" if usual == home.root else f" --home {shlex.quote(str(home.root))}"


def list_executions(home: Home) -> tuple[ExecutionResult, ...]:
    """Return every execution on this machine, the newest first."""
    if not home.journal.exists():  # Looking must not make a journal.
        return ()
    return tuple(history.list_executions(home))


def list_models(home: Home) -> tuple[RegisteredModel, ...]:
    """Return the models that were registered on this machine, the newest first."""
    return tuple(history.list_models(home)) if home.journal.exists() else ()


def explain(execution: str, step: str, home: Home) -> Explanation:
    """Return why a step of an execution ran or was taken from the cache."""
    return history.explain(home, find_execution(execution, home), step)


def load_execution(text: str, home: Home) -> ExecutionResult:
    """Return a past execution by its id, the unambiguous start of one, or `last`."""
    return flow.with_outputs(history.load_result(home, find_execution(text, home)), home)


def find_execution(text: str, home: Home) -> str:
    """Return the execution id that `text` means: itself, its start, or `last`.

    Raises:
        InputError: If there is none, or more than one.
    """
    ids = [one.execution_id for one in list_executions(home)]
    if not ids:
        what = f"there is no execution in {home.root} yet"
        raise InputError(Problem("", what, "Start one with `fmo run FILE`, or give --home."))
    if text == "last":
        return ids[0]
    found = [one for one in ids if one == text] or [one for one in ids if one.startswith(text)]
    if len(found) == 1:
        return found[0]
    what = "fits no execution" if not found else f"fits {len(found)} executions"
    raise InputError(Problem("", f"'{text}' {what} in {home.root}", "`fmo runs` lists them."))


def report_path(result: ExecutionResult, home: Home) -> Path:
    """Return where a report stands unless told otherwise."""
    return home.execution(result.execution_id) / "report.html"


def write_report(result: ExecutionResult, path: Path) -> Path:
    """Write the HTML report of `result` to `path` and return it."""
    logs = {
        step.name: _tail(step.log)
        for step in result.steps
        if step.status in {"Failed", "Stopped"} and step.log is not None
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(result, logs=logs), encoding="utf-8")
    return path


def _tail(log: Path) -> str:
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        start = max(log.stat().st_size - LOG_TAIL_BYTES, 0)
        file.seek(start)
        text = file.read().decode("utf-8", errors="replace")
    return text.partition("\n")[2] if start else text
