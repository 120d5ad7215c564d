"""Executions, reports and models of this machine, as the commands name them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import flow
from orchestrator.commands.options import DEFAULT_HOME
from orchestrator.commands.writing import write_file
from orchestrator.errors import InputError, Problem
from orchestrator.local import history
from orchestrator.local.home import Home
from orchestrator.local.store import Store
from orchestrator.results.report import render_report

if TYPE_CHECKING:
    from orchestrator.local.history import Explanation
    from orchestrator.local.registry import RegisteredModel
    from orchestrator.results.model import ExecutionResult

LOG_TAIL_BYTES = 6_000


def open_home(path: Path) -> Home:
    """Return the home at `path`, which need not exist yet.

    Raises:
        StoreError: If something is there that cannot be used.
    """
    home = Home(path.resolve())
    home.is_there()
    return home


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


def find_model(text: str, home: Home) -> RegisteredModel:
    """Return the model that `NAME/VERSION` means, or the newest version of `NAME`.

    Raises:
        InputError: If there is none.
    """
    models = list_models(home)
    name, _, version = text.partition("/")
    for model in models:
        if model.group == name and version in {"", str(model.version)}:
            return model
    names = ", ".join(f"{model.group}/{model.version}" for model in models[:5]) or "none"
    what = f"there is no model '{text}' in {home.root}"
    raise InputError(Problem("", what, f"The latest: {names}."))


def weights_of(model: RegisteredModel, home: Home) -> dict[str, Path | None]:
    """Return where each artifact of a model lies on this disk; None if it is gone."""
    store = Store(home.store)
    found: dict[str, Path | None] = {}
    for uri in model.artifacts:
        paths = [item.path for item in store.tree(uri).values()]
        folder = Path(os.path.commonpath([path.parent for path in paths])) if paths else None
        found[uri] = paths[0] if len(paths) == 1 and not uri.endswith("/") else folder
    return found


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
    write_file(path, render_report(result, logs=logs).encode())
    return path


def _tail(log: Path) -> str:
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        start = max(log.stat().st_size - LOG_TAIL_BYTES, 0)
        file.seek(start)
        text = file.read().decode("utf-8", errors="replace")
    return text.partition("\n")[2] if start else text
