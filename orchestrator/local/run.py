"""Runs a definition on this machine, and goes on with one that was interrupted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from orchestrator.definition.graph import build_graph
from orchestrator.definition.parameter_values import parameter_values
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import InputError, Problem, StoreBusyError
from orchestrator.local.clock import SystemClock
from orchestrator.local.executor import Executor, told_by_signals
from orchestrator.local.handlers import Handlers
from orchestrator.local.history import execution_result, known_execution
from orchestrator.local.home import Home
from orchestrator.local.jobs import JobSurroundings
from orchestrator.local.journal import Journal
from orchestrator.local.journal_rows import ExecutionRecord, StepRecord
from orchestrator.local.lock import locked
from orchestrator.local.preflight import Machine, check_can_run
from orchestrator.local.process import GRACE_SECONDS, can_show_as_opt_ml
from orchestrator.local.recorder import Recorder
from orchestrator.local.step_runner import StepRunner
from orchestrator.local.stopping import Stopping
from orchestrator.local.store import Store
from orchestrator.local.values import Values, execution_variables
from orchestrator.results.events import ExecutionEnded, ExecutionStarted
from orchestrator.results.model import StepResult, step_from_json, step_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from threading import Event as StopEvent

    from orchestrator.definition.graph import Graph
    from orchestrator.definition.json import Json
    from orchestrator.local.clock import Clock
    from orchestrator.results.events import Event, Listener
    from orchestrator.results.model import ExecutionResult

_BUSY_WAIT_SECONDS = 15.0
"""How long a killed execution's last job may take to disappear."""


def _ignore(_: Event) -> None:
    """Listen to nothing."""


@dataclass(frozen=True)
class RunOptions:
    """How to run, as opposed to what."""

    environ: Mapping[str, str] = field(default_factory=dict)
    """The caller's environment; jobs get PATH, locale and a few harmless names of it."""
    handlers: Handlers = field(default_factory=Handlers)
    """Python functions for Lambda and Callback steps."""
    stop: StopEvent | None = None
    """Set it from another thread to stop the execution."""
    as_opt_ml: bool | None = None
    """Whether jobs see their folder as /opt/ml; None for whether the system allows it."""
    grace_seconds: float = GRACE_SECONDS
    """Between a job's SIGTERM and its SIGKILL."""


@dataclass(frozen=True)
class _Session:
    """One call of `run_definition` or `resume_execution`."""

    home: Home
    workers: int
    use_cache: bool
    listener: Listener
    clock: Clock
    options: RunOptions

    @property
    def store(self) -> Store:
        return Store(self.home.store)


def run_definition(
    data: bytes,
    home: Home,
    *,
    parameters: Mapping[str, Json] | None = None,
    workers: int = 2,
    use_cache: bool = True,
    listener: Listener = _ignore,
    clock: Clock | None = None,
    source: Mapping[str, Json] | None = None,
    pipeline_name: str | None = None,
    execution_id: str | None = None,
    options: RunOptions | None = None,
) -> ExecutionResult:
    """Run a definition to its end and return how it went.

    Ctrl-C and SIGTERM stop the execution: its jobs end, and the result has status `Stopped`.

    Args:
        data: The definition's JSON.
        home: Where store and journal are.
        parameters: Parameter name to value; text is converted to the parameter's type.
        workers: Steps that run at once.
        use_cache: Whether steps with a cache may use earlier outputs.
        listener: Told what happens, from the calling thread.
        clock: Tells the time and waits; this machine's if None.
        source: Kept in the result: the spec's path, overrides, versions.
        pipeline_name: Its name, which the JSON lacks; by default the file name in `source`.
        execution_id: Its id; twelve random characters if None.
        options: How to run.

    Raises:
        InputError: If something is wrong with the definition, its parameters or its data, or it
            needs what this machine lacks. Nothing was started.
        StoreError: If the store or the journal cannot be used.
    """
    session = _session(home, workers, listener, clock, options, use_cache=use_cache)
    definition = parse_definition(data)
    graph = build_graph(definition)
    record = ExecutionRecord(
        id=execution_id or secrets.token_hex(6),
        started_at=session.clock.now().isoformat(),
        pipeline_name=pipeline_name or _name_in(source or {}),
        definition=data,
        parameters=parameter_values(definition.parameters, parameters or {}),
        source=source or {},
        workers=workers,
    )
    values = _checked_values(record, graph, session)
    home.make()
    with Journal(home.journal) as journal:
        results = {name: _not_started(name, graph) for name in graph}
        journal.add_execution(record, _records(results))
        return _execute(_Execution(record, graph, values, results, journal), session)


def check_definition(
    data: bytes,
    home: Home,
    parameters: Mapping[str, Json],
    *,
    arriving: Iterable[str] = (),
    options: RunOptions | None = None,
) -> None:
    """Refuse what `run_definition` would refuse, before anything is stored for it.

    Args:
        data: The definition's JSON.
        home: Where store and journal are; nothing is made there.
        parameters: Parameter name to value.
        arriving: URIs of folders that will be in the store by then.
        options: How it will run.

    Raises:
        InputError: If it could not run.
        StoreError: If it names what the store cannot hold.
    """
    definition = parse_definition(data)
    graph, store = build_graph(definition), Store(home.store)
    given = parameter_values(definition.parameters, parameters)
    variables = execution_variables("", "", datetime.min.replace(tzinfo=UTC))
    values = Values(variables, given, graph, store, SystemClock())
    options = options or RunOptions()
    machine = Machine(home, store, options.handlers, options.environ, tuple(arriving))
    check_can_run(graph, values, machine)


def resume_execution(
    execution_id: str,
    home: Home,
    *,
    workers: int = 2,
    use_cache: bool = True,
    listener: Listener = _ignore,
    clock: Clock | None = None,
    options: RunOptions | None = None,
) -> ExecutionResult:
    """Go on with an execution that was killed, stopped or failed; return how it went.

    Succeeded steps keep their results. The definition and the parameters are those it began with.

    Raises:
        InputError: If there is no such execution, or it needs what this machine lacks.
        StoreBusyError: If it is running in another process.
    """
    session = _session(home, workers, listener, clock, options, use_cache=use_cache)
    with Journal(home.journal) as journal:
        record = known_execution(journal, execution_id)
        if record.status == "Succeeded":
            return execution_result(record, journal.steps(execution_id))
        graph = build_graph(parse_definition(record.definition))
        values = _checked_values(record, graph, session)
        return _execute(_Execution(record, graph, values, {}, journal), session)


@dataclass(frozen=True)
class _Execution:
    record: ExecutionRecord
    graph: Graph
    values: Values
    results: dict[str, StepResult]
    """Of an execution that goes on: filled once nobody else runs it."""
    journal: Journal


def _execute(execution: _Execution, session: _Session) -> ExecutionResult:
    record, journal = execution.record, execution.journal
    stopping = Stopping(session.options.stop)
    lock_path = session.home.lock(record.id)
    with locked(lock_path, session.clock, stopping.event, _BUSY_WAIT_SECONDS) as lock:
        if lock is None:
            message = (
                f"execution {record.id}: another process is running it. Wait for it to end, or "
                "stop it there."
            )
            raise StoreBusyError(message, retryable=True)
        results = execution.results or _so_far(execution)
        Store(session.home.store, owner=record.id).sweep()
        executor = Executor(execution.graph, results, stopping, session.listener, session.workers)
        runner = _runner(execution, session, stopping, executor, lock)
        journal.set_execution(record.id, "Executing", None, None)
        running = replace(record, status="Executing", ended_at=None, failure_reason=None)
        session.listener(_started(running, results, session))
        with told_by_signals(executor.interrupt):
            verdict = executor.run(runner)
            ended_at = session.clock.now().isoformat()
            # An impatient second Ctrl-C must not keep the journal from knowing.
            journal.set_execution(record.id, verdict.status, ended_at, verdict.reason)
        ended = replace(
            record, status=verdict.status, ended_at=ended_at, failure_reason=verdict.reason
        )
        Store(session.home.store, owner=record.id).sweep()
        result = execution_result(ended, _records(executor.results))
        session.listener(ExecutionEnded(result, session.clock.now()))
        return result


def _runner(
    execution: _Execution, session: _Session, stopping: Stopping, executor: Executor, lock: int
) -> StepRunner:
    options = session.options
    around = JobSurroundings(
        home=session.home,
        store=Store(session.home.store, owner=execution.record.id),
        clock=session.clock,
        stopping=stopping,
        caller=options.environ,
        as_opt_ml=can_show_as_opt_ml() if options.as_opt_ml is None else options.as_opt_ml,
        lock=lock,
        tell=executor.tell,
        grace_seconds=options.grace_seconds,
    )
    recorder = Recorder(execution.record.id, execution.journal, around)
    return StepRunner(recorder, execution.values, options.handlers, use_cache=session.use_cache)


def _started(
    record: ExecutionRecord, results: Mapping[str, StepResult], session: _Session
) -> ExecutionStarted:
    return ExecutionStarted(execution_result(record, _records(results)), session.clock.now())


def _session(
    home: Home,
    workers: int,
    listener: Listener,
    clock: Clock | None,
    options: RunOptions | None,
    *,
    use_cache: bool,
) -> _Session:
    if workers < 1:
        raise InputError(
            Problem("workers", f"{workers} steps at once is too few", "Give 1 or more.")
        )
    return _Session(
        Home(home.root.absolute()),
        workers,
        use_cache,
        listener,
        clock or SystemClock(),
        options or RunOptions(),
    )


def _checked_values(record: ExecutionRecord, graph: Graph, session: _Session) -> Values:
    started_at = datetime.fromisoformat(record.started_at)
    variables = execution_variables(record.id, record.pipeline_name, started_at)
    values = Values(variables, record.parameters, graph, session.store, session.clock)
    options = session.options
    machine = Machine(session.home, session.store, options.handlers, options.environ)
    check_can_run(graph, values, machine)
    return values


def _name_in(source: Mapping[str, Json]) -> str:
    path = source.get("spec") or source.get("definition")
    return PurePath(str(path)).stem if path else "pipeline"


def _not_started(name: str, graph: Graph) -> StepResult:
    node = graph[name]
    side = "if" if node.branch and node.branch.side == "IfSteps" else "else"
    return StepResult(
        name=name,
        type=node.step.type,
        depends_on=node.depends_on,
        branch=(node.branch.condition, side) if node.branch else None,
    )


def _so_far(execution: _Execution) -> dict[str, StepResult]:
    results = {}
    for record in execution.journal.steps(execution.record.id):
        result = step_from_json(record.result)
        if result.status == "Succeeded":
            execution.values.properties[record.name] = record.properties
        else:
            # The hours between a kill and its resumption are no time that the step took.
            result = replace(result, started_at=None)
        results[record.name] = result
    return results


def _records(results: Mapping[str, StepResult]) -> list[StepRecord]:
    return [StepRecord(name, step_to_json(result)) for name, result in results.items()]
