"""Writes down how a step stands: in the journal first, then to whoever listens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.local.journal_rows import StepRecord
from orchestrator.results.events import StepStarted
from orchestrator.results.model import step_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.local.jobs import JobEnd, JobSurroundings
    from orchestrator.local.journal import Journal
    from orchestrator.local.journal_rows import CacheRecord
    from orchestrator.results.model import StepResult


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    result: StepResult
    properties: Json = None
    """What `Steps.NAME...` reads."""
    parts: Mapping[str, str] | None = None
    """Every part of the cache key, if the step has a cache."""
    cache: CacheRecord | None = None
    """Lets others use the outputs again."""


@dataclass(frozen=True)
class Recorder:
    """The steps of one execution, as they begin, go on and end."""

    execution_id: str
    journal: Journal
    around: JobSurroundings

    def started(self, result: StepResult) -> StepResult:
        """Return `result` as that of a step that runs; it began when it first did."""
        fresh = replace(result, status="Executing", ended_at=None, failure_reason=None)
        return replace(fresh, started_at=result.started_at or self.around.clock.now())

    def begin(self, result: StepResult, parts: Mapping[str, str] | None = None) -> None:
        """Record that an attempt begins, then tell."""
        self.record(Outcome(result, None, parts))
        now = self.around.clock.now()
        self.around.tell(StepStarted(result.name, result.type, result.attempts, now))

    def ended(self, result: StepResult, end: JobEnd) -> StepResult:
        """Return `result` as that of a step that ended now."""
        now = self.around.clock.now()
        return replace(result, status=end.status, ended_at=now, failure_reason=end.reason)

    def record(self, outcome: Outcome) -> None:
        """Write a step's row, and what of it may be used again."""
        result = outcome.result
        record = StepRecord(result.name, step_to_json(result), outcome.properties, outcome.parts)
        self.journal.set_step(self.execution_id, record, outcome.cache)

    def folder(self, step: str, attempt: int) -> Path:
        """Return the folder of an attempt."""
        return self.around.home.attempt(self.execution_id, step, attempt)


def job_name(execution_id: str, step: str) -> str:
    """Return the name of a step's job, as SageMaker makes one up."""
    return f"pipelines-{execution_id}-{step}"
