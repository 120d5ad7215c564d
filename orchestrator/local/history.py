"""What the journal knows: executions, how each went, why a step ran again, registered models."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from orchestrator.definition.model import walk
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import InputError, Problem
from orchestrator.local import registry
from orchestrator.local.journal import Journal
from orchestrator.local.lock import is_held
from orchestrator.results.model import ExecutionResult, step_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.local.home import Home
    from orchestrator.local.journal_rows import ExecutionRecord, StepRecord
    from orchestrator.results.model import ExecutionStatus
    from orchestrator.results.registered import RegisteredModel


@dataclass(frozen=True)
class PartChange:
    """One part of a step's cache key that differs between two executions."""

    part: str
    """Such as `inputs.code/sft.py` or `AppSpecification.ContainerArguments[2]`."""
    before: str | None
    """The value, or a file's SHA-256; None if the part was not there."""
    after: str | None


@dataclass(frozen=True)
class Explanation:
    """Why a step ran, or did not."""

    execution_id: str
    step: str
    cached: bool
    previous_execution_id: str | None
    """The last execution of the same pipeline before it that got as far as this step."""
    changes: tuple[PartChange, ...]
    text: str
    """One sentence."""


def list_executions(home: Home) -> list[ExecutionResult]:
    """Return all executions with their steps, newest first."""
    with Journal(home.journal) as journal:
        return [_as_it_stands(home, journal, record) for record in journal.executions()]


def load_result(home: Home, execution_id: str) -> ExecutionResult:
    """Return how an execution went, or stands.

    Raises:
        InputError: If there is none of this id.
    """
    with Journal(home.journal) as journal:
        return _as_it_stands(home, journal, known_execution(journal, execution_id))


def load_definition(home: Home, execution_id: str) -> bytes:
    """Return the definition JSON that an execution runs; InputError if there is none."""
    with Journal(home.journal) as journal:
        return known_execution(journal, execution_id).definition


def set_approval(
    model: RegisteredModel, status: str, description: str | None, now: datetime, home: Home
) -> None:
    """Record that a person approved or rejected a registered model, and why."""
    with Journal(home.journal) as journal:
        registry.set_approval(model, status, description, now, journal)


def list_models(home: Home) -> list[RegisteredModel]:
    """Return the models that RegisterModel steps recorded, newest first."""
    with Journal(home.journal) as journal:
        return registry.registered_models(journal)


def explain(home: Home, execution_id: str, step: str) -> Explanation:
    """Return why a step ran or was taken from the cache: what changed since the time before.

    Raises:
        InputError: If there is no such execution or step.
    """
    with Journal(home.journal) as journal:
        execution = known_execution(journal, execution_id)
        record = journal.step(execution_id, step)
        if record is None:
            names = ", ".join(item.name for item in journal.steps(execution_id))
            problem = Problem(f"step {step!r}", "there is no such step", f"There are {names}.")
            raise InputError(problem)
        previous = _previous(journal, execution, step)
        is_kept = _is_kept(execution, step)
    cached = step_from_json(record.result).cached
    before = previous[1].cache_parts if previous else None
    changes = changed_parts(before, record.cache_parts) if before and record.cache_parts else ()
    previous_id = previous[0] if previous else None
    text = _sentence(record, changes, previous_id, cached=cached)
    if not is_kept and text.startswith("It ran"):
        text = f"{_RUNS_EVERY_TIME} {text}" if changes else _RUNS_EVERY_TIME
    return Explanation(execution_id, step, cached, previous_id, changes, text)


def changed_parts(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[PartChange, ...]:
    """Return the parts of two cache keys that differ, in order of their names."""
    return tuple(
        PartChange(part, before.get(part), after.get(part))
        for part in sorted({*before, *after})
        if before.get(part) != after.get(part)
    )


def execution_result(record: ExecutionRecord, steps: Sequence[StepRecord]) -> ExecutionResult:
    """Return what the journal's rows say about an execution."""
    return ExecutionResult(
        execution_id=record.id,
        pipeline_name=record.pipeline_name,
        status=cast("ExecutionStatus", record.status),
        started_at=datetime.fromisoformat(record.started_at),
        ended_at=datetime.fromisoformat(record.ended_at) if record.ended_at else None,
        steps=tuple(step_from_json(step.result) for step in steps),
        parameters=record.parameters,
        failure_reason=record.failure_reason,
        definition_hash=hashlib.sha256(record.definition).hexdigest(),
        source=record.source,
    )


def known_execution(journal: Journal, execution_id: str) -> ExecutionRecord:
    """Return an execution; InputError if there is none of this id."""
    record = journal.execution(execution_id)
    if record is None:
        recent = ", ".join(item.id for item in journal.executions()[:5]) or "none"
        what = "there is no such execution in the journal"
        raise InputError(Problem(f"execution {execution_id!r}", what, f"The latest: {recent}."))
    return record


def _as_it_stands(home: Home, journal: Journal, record: ExecutionRecord) -> ExecutionResult:
    """Return an execution; one whose process was killed is Stopped, whatever it last recorded."""
    result = execution_result(record, journal.steps(record.id))
    if result.status != "Executing" or is_held(home.lock(record.id)):
        return result
    reason = "its process was killed; `fmo resume` goes on"
    steps = tuple(
        step if step.is_done or step.status == "NotStarted" else replace(step, status="Stopped")
        for step in result.steps
    )
    return replace(result, status="Stopped", failure_reason=reason, steps=steps)


def _previous(
    journal: Journal, execution: ExecutionRecord, step: str
) -> tuple[str, StepRecord] | None:
    for other in journal.executions():
        if (
            other.pipeline_name == execution.pipeline_name
            and other.started_at < execution.started_at
        ):
            record = journal.step(other.id, step)
            if record and record.cache_parts:
                return other.id, record
    return None


def _is_kept(execution: ExecutionRecord, step: str) -> bool:
    """Whether the definition lets a later execution take what the step made."""
    steps = parse_definition(execution.definition).steps
    cache = next((placed.step.cache for placed in walk(steps) if placed.step.name == step), None)
    return cache is not None and cache.enabled


_RUNS_EVERY_TIME = (
    "It runs every time: the definition enables no CacheConfig for it. `fmo` leaves it out where "
    "the spec says `cache: false`, or where other bytes may come under the same name: from S3, or "
    "from a model of the hub without its commit. Run `fmo lock FILE` to pin it and keep the result."
)


def _sentence(
    record: StepRecord, changes: Sequence[PartChange], previous: str | None, *, cached: bool
) -> str:
    if cached:
        return "It was not run: an earlier run of the same code, settings and inputs was used."
    if record.result.get("status") == "NotStarted":
        return "It did not run: the execution did not get as far, or took another branch."
    if previous is None:
        return "It ran because it had not run before."
    if not changes:
        return (
            f"It ran although nothing changed since execution {previous}: that run did not "
            "succeed, is too old, or its outputs are gone."
        )
    names = ", ".join(change.part for change in changes[:5])
    more = f" and {len(changes) - 5} more" if len(changes) > 5 else ""
    return f"It ran because this changed since execution {previous}: {names}{more}."
