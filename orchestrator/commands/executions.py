"""Executions, reports and models of this machine, as the commands name them."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import flow_local
from orchestrator.commands.writing import write_file
from orchestrator.errors import InputError, Problem
from orchestrator.local import history
from orchestrator.local.differences import step_differences
from orchestrator.local.home import DEFAULT_HOME, Home
from orchestrator.local.lineage import model_uri
from orchestrator.local.store import Store
from orchestrator.results.comparison import Change, compare
from orchestrator.results.comparison_page import render_comparison
from orchestrator.results.report import render_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.local.history import Explanation
    from orchestrator.results.comparison import Comparison
    from orchestrator.results.model import ExecutionResult
    from orchestrator.results.registered import RegisteredModel

LAST = re.compile(r"last(?:~(\d{1,6}))?")
"""The newest execution, or one that many before it, as git counts commits back."""
LOG_TAIL_BYTES = 6_000
TRACKED = re.compile(r"(mlflow: experiment|wandb: project) '")
"""The line by which a tracker's run is told in the log (`training_scripts/tracking/`)."""

MODEL_FILES = ("config.json", "adapter_config.json", "reft_config.json")
"""One of them is in the folder of every model, adapter or set of interventions."""


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


def tensorboard_folder(result: ExecutionResult, home: Home) -> Path | None:
    """Return the folder with what all steps wrote for TensorBoard; None if none did."""
    store = Store(home.store)
    folders = [
        store.folder(step.outputs["tensorboard"])
        for step in result.steps
        if "tensorboard" in step.outputs
    ]
    return Path(os.path.commonpath(folders)) if folders else None


def tracked_runs(result: ExecutionResult) -> Iterator[str]:
    """Yield a step and where MLflow or W&B has its run, as the log of its job says it."""
    for step in result.steps:
        if step.type != "Training" or step.log is None or not step.log.is_file():
            continue
        with step.log.open(encoding="utf-8", errors="replace") as lines:
            yield from (f"{step.name} in {line.rstrip()}" for line in lines if TRACKED.match(line))


def explain(execution: str, step: str, home: Home) -> Explanation:
    """Return why a step of an execution ran or was taken from the cache."""
    return history.explain(home, find_execution(execution, home), step)


def load_execution(text: str, home: Home) -> ExecutionResult:
    """Return a past execution by its id, the start of one, `last`, or, on AWS, its ARN."""
    if text.startswith("arn:"):
        return _load_from_aws(text, home)
    return flow_local.with_outputs(history.load_result(home, find_execution(text, home)), home)


def _load_from_aws(arn: str, home: Home) -> ExecutionResult:
    # boto3 takes longer to import than a report takes to write.
    from orchestrator.aws.executions import read_execution, with_outputs
    from orchestrator.commands import cloud_executions

    _, aws = cloud_executions.find_execution(arn, home)
    return with_outputs(read_execution(arn, aws).result, aws)


def load_comparison(before: str, after: str, home: Home) -> Comparison:
    """Return two past executions side by side, each named as in `load_execution`.

    Raises:
        InputError: If one of them is not there, or both are the same.
    """
    ids = [find_execution(text, home) for text in (before, after)]
    if len(set(ids)) == 1:
        what = f"'{before}' and '{after}' are the same execution, {ids[0]}"
        raise InputError(Problem("", what, "Name two; `fmo runs` lists them."))
    first, second = (load_execution(one, home) for one in ids)
    found = step_differences(ids[0], ids[1], home, Store(home.store))
    changes = {
        step: [Change(one.part, one.before, one.after) for one in parts]
        for step, parts in found.items()
    }
    return compare(first, second, changes)


def find_execution(text: str, home: Home) -> str:
    """Return the execution id that `text` means: itself, its start, `last`, or `last~1` before it.

    Raises:
        InputError: If there is none, or more than one.
    """
    ids = [one.execution_id for one in list_executions(home)]
    if not ids:
        what = f"there is no execution in {home.root} yet"
        raise InputError(Problem("", what, "Start one with `fmo run FILE`, or give --home."))
    if counted := LAST.fullmatch(text):
        return _counted_back(int(counted[1] or 0), ids, home)
    found = [one for one in ids if one == text] or [one for one in ids if one.startswith(text)]
    if len(found) == 1:
        return found[0]
    what = "fits no execution" if not found else f"fits {len(found)} executions"
    raise InputError(Problem("", f"'{text}' {what} in {home.root}", "`fmo runs` lists them."))


def _counted_back(count: int, ids: Sequence[str], home: Home) -> str:
    if count < len(ids):
        return ids[count]
    what = f"'last~{count}' goes further back than the first execution in {home.root}"
    farthest = f"last~{len(ids) - 1}" if len(ids) > 1 else "last"
    raise InputError(Problem("", what, f"The first is {farthest}."))


def has_language_model(result: ExecutionResult, home: Home) -> bool:
    """Return whether the last model of an execution is one that can be talked to."""
    try:
        uri = model_uri(result.execution_id, None, home).rstrip("/")
    except InputError:
        return False
    return any(Store(home.store).find(f"{uri}/{name}") for name in MODEL_FILES)


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


def comparison_path(comparison: Comparison, home: Home) -> Path:
    """Return where a comparison stands unless told otherwise: in B's folder."""
    folder = home.execution(comparison.after.execution_id)
    return folder / f"compared-with-{comparison.before.execution_id}.html"


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write two executions side by side as HTML to `path` and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_comparison(comparison), encoding="utf-8")
    return path


def _tail(log: Path) -> str:
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        start = max(log.stat().st_size - LOG_TAIL_BYTES, 0)
        file.seek(start)
        text = file.read().decode("utf-8", errors="replace")
    return text.partition("\n")[2] if start else text
