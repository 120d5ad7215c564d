"""Runs a Processing or Training step: from the cache, or attempt by attempt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.definition.expressions import evaluate
from orchestrator.local.cache import cache_key, find_cached, key_parts, object_digests
from orchestrator.local.job_plan import job_plan
from orchestrator.local.jobs import LOG_FILE, JobEnd, run_job, tidy
from orchestrator.local.journal_rows import CacheRecord
from orchestrator.local.outputs import read_findings, store_outputs
from orchestrator.local.process import EXIT_FILE, read_exit
from orchestrator.local.recorder import Outcome, job_name
from orchestrator.local.retries import Retries
from orchestrator.results.events import StepRetried
from orchestrator.results.model import step_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step
    from orchestrator.local.job_plan import JobPlan
    from orchestrator.local.recorder import Recorder
    from orchestrator.local.values import Values
    from orchestrator.results.model import StepResult


@dataclass(frozen=True)
class JobSteps:
    """Runs the job steps of one execution."""

    recorder: Recorder
    values: Values
    use_cache: bool

    def run(self, step: Step, before: StepResult) -> Outcome:
        """Run `step` and return how it ended; its outputs are stored, its end is not recorded."""
        name = job_name(self.recorder.execution_id, step.name)
        request = _object(evaluate(_with_job_name(step, name), self.values))
        plan = job_plan(step.type, name, request)
        # Also of a step without cache: what it ran with is told in the report, and compared.
        parts = key_parts(request, plan, self.recorder.around.store, self.recorder.journal)
        before = replace(before, arguments_hash=cache_key(parts))
        is_kept = step.cache is not None and step.cache.enabled
        hit = self._reuse(step, before, parts) if is_kept else None
        if hit:
            return hit
        result, end, folder = self._attempts(step, plan, before, parts)
        if end.status != "Succeeded":
            return Outcome(self.recorder.ended(result, end), None, parts)
        outcome, stored = self._finish(plan, result, folder, parts)
        if not is_kept:
            return outcome
        return replace(outcome, cache=self._cache_record(outcome.result, stored))

    def _finish(
        self, plan: JobPlan, result: StepResult, folder: Path, parts: Mapping[str, str]
    ) -> tuple[Outcome, list[str]]:
        """What came of a job that succeeded, and the URIs of what it stored."""
        stored = store_outputs(plan, folder, self.recorder.around.store)
        findings = read_findings(plan, folder)
        result = replace(
            self.recorder.ended(result, JobEnd("Succeeded")),
            metrics=findings.metrics,
            history=findings.history,
            table=findings.table,
            samples=findings.samples,
            outputs={output.name: output.uri for output in (*plan.outputs, *plan.live_outputs)},
        )
        return Outcome(result, plan.properties, parts), stored

    def _attempts(
        self, step: Step, plan: JobPlan, before: StepResult, parts: Mapping[str, str] | None
    ) -> tuple[StepResult, JobEnd, Path]:
        around = self.recorder.around
        retries = Retries(step.retry_policies)
        result = before
        while True:
            result = self._next_attempt(result)
            folder = self.recorder.folder(step.name, result.attempts)
            result = replace(result, log=folder / LOG_FILE)
            self.recorder.begin(result, parts)
            end = run_job(plan, step.name, folder, around)
            now = around.clock.now()
            wait = retries.wait_seconds(end.fault, now) if end.status == "Failed" else None
            if wait is None:
                return result, end, folder
            reason = end.reason or ""
            around.tell(StepRetried(step.name, result.attempts, reason, wait, now))
            if around.clock.wait(around.stopping.event, wait):
                return (
                    result,
                    JobEnd("Stopped", f"stopped before another attempt: {reason}"),
                    folder,
                )

    def _next_attempt(self, result: StepResult) -> StepResult:
        folder = self.recorder.folder(result.name, max(result.attempts, 1))
        finished = read_exit(folder / EXIT_FILE)
        # An attempt that had succeeded when fmo was killed, or whose outputs found the disk full,
        # still has to be stored, not repeated.
        again = result.attempts > 0 and finished is not None and finished.succeeded
        attempts = result.attempts if again else result.attempts + 1
        return replace(self.recorder.started(result), attempts=attempts)

    def _reuse(self, step: Step, before: StepResult, parts: Mapping[str, str]) -> Outcome | None:
        around, journal = self.recorder.around, self.recorder.journal
        if not self.use_cache or step.cache is None:
            return None
        now = around.clock.now()
        found = find_cached(cache_key(parts), step.cache, now, around.store, journal)
        source = journal.step(found.execution_id, found.step) if found else None
        if source is None:
            return None
        result = replace(
            step_from_json(source.result),
            name=step.name,
            cached=True,
            attempts=0,
            started_at=now,
            ended_at=now,
            depends_on=before.depends_on,
            branch=before.branch,
        )
        return Outcome(result, source.properties, parts)

    def _cache_record(self, result: StepResult, stored: list[str]) -> CacheRecord:
        around = self.recorder.around
        objects = [item for uri in stored if (item := around.store.find(uri))]
        return CacheRecord(
            key=result.arguments_hash or "",
            execution_id=self.recorder.execution_id,
            step=result.name,
            ended_at=around.clock.now().isoformat(),
            contents=object_digests(objects, self.recorder.journal),
        )


def tidy_after(recorder: Recorder, result: StepResult) -> None:
    """Remove what a succeeded step's jobs left and nobody needs; once its end is recorded."""
    if result.log is not None and not result.cached and result.status == "Succeeded":
        tidy(recorder.folder(result.name, result.attempts))


def _with_job_name(step: Step, name: str) -> Json:
    return _replaced(step.arguments, f"Execution.{step.type}JobName", name)


def _replaced(value: Json, path: str, text: str) -> Json:
    """Return `value` with every `Get` of `path` replaced by `text`."""
    if isinstance(value, dict):
        if value.get("Get") == path:
            return text
        return {name: _replaced(member, path, text) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, path, text) for item in value]
    return value


def _object(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, dict) else {}
