"""Runs one attempt of a Processing or Training step: folder, inputs, process, verdict."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrator.definition.registry import GROUP_VARIABLE, PACKAGES_FILE
from orchestrator.errors import StoreError
from orchestrator.local.environments import (
    TEMPORARY,
    RequirementsError,
    job_variables,
    python_with,
    rewritten,
)
from orchestrator.local.files import disk_full_text, naming_full_disks
from orchestrator.local.job_log import JobLog, open_log
from orchestrator.local.job_plan import ML_ROOT
from orchestrator.local.job_secrets import Redactor, secret_values
from orchestrator.local.journal import Journal
from orchestrator.local.keys import encode_key, parse_uri
from orchestrator.local.lock import locked
from orchestrator.local.process import (
    EXIT_FILE,
    GRACE_SECONDS,
    Command,
    read_exit,
    run_process,
)
from orchestrator.local.registry import package_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orchestrator.local.clock import Clock
    from orchestrator.local.home import Home
    from orchestrator.local.job_plan import JobPlan
    from orchestrator.local.process import Exit
    from orchestrator.local.stopping import Stopping
    from orchestrator.local.store import Store
    from orchestrator.results.events import Event

LOG_FILE = "stdout.log"
_REASON_LENGTH = 1024
"""SageMaker's own limit on a FailureReason (ListPipelineExecutionSteps)."""
_NO_NAMESPACE = (
    "this system cannot show the job its folder as /opt/ml: let the script read the folder's path "
    "from the environment variable FMO_ML_ROOT, or from an argument."
)
_LITTLE_BYTES = 4 * 2**20
_READ_BYTES = 4 * _REASON_LENGTH
_NOT_KEPT = ("input/data", "processing", "model", "output/data", "code", "home", TEMPORARY)
_CHECKPOINT_WAIT_SECONDS = 86400.0
_LACKING = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
_OUTSIDE_SIGNALS = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP}

INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
_NAMED_FAULTS = {"InternalServerError": INTERNAL_ERROR, "CapacityError": CAPACITY_ERROR}


@dataclass(frozen=True)
class JobSurroundings:
    """What all jobs of an execution share."""

    home: Home
    store: Store
    clock: Clock
    stopping: Stopping
    caller: Mapping[str, str]
    """The environment `fmo` runs in."""
    as_opt_ml: bool
    lock: int
    """The execution's lock, kept by a job until it is gone."""
    tell: Callable[[Event], None]
    grace_seconds: float = GRACE_SECONDS


@dataclass(frozen=True)
class JobEnd:
    """How an attempt ended."""

    status: Literal["Succeeded", "Failed", "Stopped"]
    reason: str | None = None
    fault: str | None = None
    """The exception type that a retry policy may name; None for errors of the job's own."""


def run_job(plan: JobPlan, step: str, folder: Path, around: JobSurroundings) -> JobEnd:
    """Run one attempt in `folder`, which afterwards holds outputs, log and exit.

    Raises:
        StoreError: If an input is missing from the store, or a disk is full.
    """
    finished = read_exit(folder / EXIT_FILE)
    if finished and finished.succeeded:
        # A resumed execution whose job had ended before fmo could record it.
        return JobEnd("Succeeded")
    with naming_full_disks(folder):
        _lay_out(plan, folder, around)
        _link_live_outputs(plan, folder, around.store)
        with open_log(folder / LOG_FILE) as file, _checkpoints(plan, folder, around) as lock:
            hidden = Redactor(secret_values(plan.environment, around.caller).values())
            log = JobLog(file, step, around.tell, around.clock, plan.metric_definitions, hidden)
            end = _start(plan, folder, around, log, lock)
            log.close()
    return _with_disk(end, folder)


def _with_disk(end: JobEnd, folder: Path) -> JobEnd:
    """Return `end` with a word on the disk if a lack of space may be behind a failure."""
    if end.status != "Failed" or shutil.disk_usage(folder).free >= _LITTLE_BYTES:
        return end
    text = disk_full_text(folder)
    # The journal, too, needs space to say how the job ended.
    _remove_unkept(folder)
    return replace(end, reason=f"{text} {end.reason}"[:_REASON_LENGTH])


def tidy(folder: Path) -> None:
    """Remove from the folders of a succeeded step what the store has or nobody needs.

    Args:
        folder: That of the attempt that succeeded; its siblings are the attempts before it.
    """
    for attempt in folder.parent.iterdir():
        _remove_unkept(attempt)


def _remove_unkept(attempt: Path) -> None:
    for path in _NOT_KEPT:
        shutil.rmtree(attempt / path, ignore_errors=True)


def _lay_out(plan: JobPlan, folder: Path, around: JobSurroundings) -> None:
    store = around.store
    if folder.exists():
        shutil.rmtree(folder)
    with naming_full_disks(folder):
        for path in (*plan.folders, "code", "home", TEMPORARY):
            (folder / path).mkdir(parents=True, exist_ok=True)
        for path, content in plan.config_files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(content, indent=2)
            (folder / path).write_text(rewritten(text, folder, as_opt_ml=around.as_opt_ml))
    _tell_of_registry(plan, folder, around.home)
    for channel in plan.channels:
        (folder / channel.path).mkdir(parents=True, exist_ok=True)
        if not store.download(channel.uri, folder / channel.path):
            what, fix = missing_data(channel.uri, store)
            message = f"input {channel.name!r}: {what}. {fix}"
            raise StoreError(message)


def _tell_of_registry(plan: JobPlan, folder: Path, home: Home) -> None:
    """Lay the answer of the local registry into the folder of a job that asks for a group."""
    group = plan.environment.get(GROUP_VARIABLE)
    if group is None:
        return
    with Journal(home.journal) as journal:
        text = json.dumps(package_list(group, journal), indent=2)
    (folder / PACKAGES_FILE).write_text(text, encoding="utf-8")


def _link_live_outputs(plan: JobPlan, folder: Path, store: Store) -> None:
    """Let the job write into the store what SageMaker uploads while it runs."""
    for output in plan.live_outputs:
        kept = store.folder(output.uri)
        kept.mkdir(parents=True, exist_ok=True)
        (folder / output.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / output.path).symlink_to(kept)


def missing_data(uri: str, store: Store) -> tuple[str, str]:
    """Return what to tell a person when an input is not in the store, and the cure."""
    location = parse_uri(uri)
    place = store.root.joinpath(location.bucket, *location.key.rstrip("/").split("/"))
    return f"the local store has nothing at {uri}", f"Copy a sample to {place}."


@contextlib.contextmanager
def _checkpoints(plan: JobPlan, folder: Path, around: JobSurroundings) -> Iterator[int | None]:
    """Link the kept checkpoints into the job's folder; one job at a time has them."""
    if plan.checkpoint_uri is None:
        yield None
        return
    location = parse_uri(plan.checkpoint_uri)
    names = encode_key(location.key.strip("/"))
    kept = around.home.checkpoints.resolve().joinpath(location.bucket, *names)
    kept.mkdir(parents=True, exist_ok=True)
    (folder / plan.checkpoint_path).parent.mkdir(parents=True, exist_ok=True)
    (folder / plan.checkpoint_path).symlink_to(kept)
    lock_path = kept.with_name(f"{kept.name}%lock")
    stop = around.stopping.event
    with locked(lock_path, around.clock, stop, _CHECKPOINT_WAIT_SECONDS) as lock:
        yield lock


def _start(
    plan: JobPlan, folder: Path, around: JobSurroundings, log: JobLog, lock: int | None
) -> JobEnd:
    if around.stopping.event.is_set():
        return JobEnd("Stopped", "stopped before it began")
    try:
        python = _interpreter(plan, folder, around, log)
        command = Command(
            arguments=_arguments(plan, folder, python, as_opt_ml=around.as_opt_ml),
            environment=_variables(plan, folder, around, python),
            folder=folder / "code",
            job_root=folder,
            limit_seconds=plan.limit_seconds,
            grace_seconds=around.grace_seconds,
            as_opt_ml=around.as_opt_ml,
            locks=(around.lock, *(() if lock is None else (lock,))),
        )
        ended = run_process(command, folder / EXIT_FILE, log.read, around.stopping)
    except RequirementsError as error:
        stopped = around.stopping.event.is_set()
        return JobEnd("Stopped" if stopped else "Failed", str(error))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return JobEnd("Failed", disk_full_text(folder))
        # A lack of processes or memory passes; a file that may not be read stays so.
        fault = CAPACITY_ERROR if error.errno in _LACKING else None
        place = f"{error.filename}: " if error.filename else ""
        reason = f"{place}{(error.strerror or str(error)).lower()}"
        return JobEnd("Failed", f"the job cannot be started: {reason}", fault)
    end = _verdict(ended, plan, folder, log)
    if end.status == "Failed" and end.reason and not around.as_opt_ml and ML_ROOT in end.reason:
        return replace(end, reason=f"{_NO_NAMESPACE} {end.reason}"[:_REASON_LENGTH])
    return end


def _variables(
    plan: JobPlan, folder: Path, around: JobSurroundings, python: str
) -> Mapping[str, str]:
    caller, as_opt_ml = around.caller, around.as_opt_ml
    given = job_variables(
        folder,
        plan.environment,
        caller,
        as_opt_ml=as_opt_ml,
        python=python,
        tracking=around.home.tracking,
    )
    return {**given, **secret_values(plan.environment, caller)}


def _arguments(plan: JobPlan, folder: Path, python: str, *, as_opt_ml: bool) -> tuple[str, ...]:
    program, *rest = (rewritten(text, folder, as_opt_ml=as_opt_ml) for text in plan.command)
    is_python = Path(program).name.rstrip("0123456789.") == "python"
    return (python if is_python else program, *rest)


def _interpreter(plan: JobPlan, folder: Path, around: JobSurroundings, log: JobLog) -> str:
    script = next((text for text in plan.command if text.endswith(".py")), "")
    listed = (folder / script.removeprefix(f"{ML_ROOT}/")).with_name("requirements.txt")
    if not script.startswith(f"{ML_ROOT}/") or not listed.is_file():
        return sys.executable
    waiting = (around.stopping, around.clock, around.stopping.event)
    return python_with(listed.read_text("utf-8"), around.home, around.caller, log.read, waiting)


def _verdict(ended: Exit, plan: JobPlan, folder: Path, log: JobLog) -> JobEnd:
    if ended.succeeded:
        return JobEnd("Succeeded")
    match ended.reason:
        case "stopped":
            return JobEnd("Stopped", "stopped")
        case "timeout":
            limit = f"MaxRuntimeInSeconds, {plan.limit_seconds:g} s"
            return JobEnd("Failed", f"ran longer than its limit ({limit}) and was ended")
        case "lost":
            return JobEnd("Failed", "the job's supervisor was killed", INTERNAL_ERROR)
    number = ended.signal or max(ended.exit_code - 128, 0)
    said = _said(folder / plan.failure_file, log)
    reason = said or _from_log(ended, log)
    if not said and number in set(signal.Signals):
        reason = _signal_text(number) + (f": {reason}" if reason else "")
    fault = INTERNAL_ERROR if ended.signal in _OUTSIDE_SIGNALS else None
    named = next((fault for name, fault in _NAMED_FAULTS.items() if said.startswith(name)), None)
    return JobEnd("Failed", _with_cure(reason), named or fault)


def _said(path: Path, log: JobLog) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        text = file.read(_READ_BYTES).decode("utf-8", "replace").strip()
    shown = log.redacted(text)
    if shown != text:
        path.write_text(shown, encoding="utf-8")
    return shown


def _from_log(ended: Exit, log: JobLog) -> str:
    last = [line.strip() for line in list(log.last_lines)[-5:]]
    code = "" if ended.signal else f"exit code {ended.exit_code}"
    return ": ".join(filter(None, [code, " | ".join(last)]))


def _signal_text(number: int) -> str:
    name = signal.Signals(number).name
    likely = ", likely out of memory" if number == signal.SIGKILL else ""
    return f"killed by {name}{likely}"


def _with_cure(reason: str) -> str:
    """Return `reason`, cut to its length so that what to do about it still fits."""
    cure = _cure(reason)
    return reason[: _REASON_LENGTH - len(cure)] + cure


def _cure(reason: str) -> str:
    if "No module named" in reason and any(
        f"No module named '{name}" in reason for name in ("torch", "transformers", "peft")
    ):
        return " Run: pip install 'fm-orchestrator[train]'"
    if "MemoryError" in reason:
        return " (the job ran out of memory)"
    return ""
