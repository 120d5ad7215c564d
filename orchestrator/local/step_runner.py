"""Runs one step of any type to its end and records it; called from worker threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.definition.conditions import evaluate_conditions
from orchestrator.definition.expressions import evaluate
from orchestrator.errors import FmoError, Problem, UnsupportedError
from orchestrator.local.cache import cache_key, find_cached, key_parts, object_digests
from orchestrator.local.condition_text import condition_text
from orchestrator.local.handlers import (
    FAILURES,
    Handlers,
    call_lambda_file,
    function_name,
    output_parameters,
    queue_name,
)
from orchestrator.local.job_plan import job_plan
from orchestrator.local.jobs import LOG_FILE, JobEnd, run_job, tidy
from orchestrator.local.journal import CacheRecord, StepRecord
from orchestrator.local.outputs import Findings, read_findings, store_outputs
from orchestrator.local.process import EXIT_FILE, read_exit
from orchestrator.local.registry import artifact_uris, register_model
from orchestrator.local.retries import Retries
from orchestrator.local.values import ACCOUNT, REGION
from orchestrator.results.events import StepRetried, StepStarted
from orchestrator.results.model import step_from_json, step_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step
    from orchestrator.local.job_plan import JobPlan
    from orchestrator.local.jobs import JobSurroundings
    from orchestrator.local.journal import Journal
    from orchestrator.local.values import Values
    from orchestrator.results.model import StepResult


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    result: StepResult
    properties: Json = None


@dataclass(frozen=True)
class StepRunner:
    """Runs the steps of one execution."""

    execution_id: str
    around: JobSurroundings
    journal: Journal
    values: Values
    handlers: Handlers
    use_cache: bool = True

    def run(self, step: Step, before: StepResult) -> Outcome:
        """Run `step` and record each stage; `before` is what is known of it so far."""
        try:
            outcome = self._run(step, before)
        except FmoError as error:
            outcome = self._ended(self._current(step, before), JobEnd("Failed", str(error)))
        if not isinstance(outcome, _Recorded):
            self._record(outcome.result, outcome.properties)
        if outcome.result.status == "Succeeded":
            self.values.properties[step.name] = outcome.properties
        return outcome

    def _run(self, step: Step, before: StepResult) -> Outcome:
        if step.type in {"Processing", "Training"}:
            return self._run_job_step(step, before)
        result = self._begin(before)
        match step.type:
            case "Condition":
                return self._decide(step, result)
            case "Fail":
                message = evaluate(step.arguments.get("ErrorMessage", ""), self.values)
                return self._ended(result, JobEnd("Failed", str(message)))
            case "Lambda" | "Callback":
                return self._call(step, result)
            case "Model":
                return self._create_model(step, result)
            case "RegisterModel":
                return self._register(step, result)
        problem = Problem(f"steps.{step.name}", f"a step of type {step.type!r} cannot run here")
        raise UnsupportedError(problem)

    def _run_job_step(self, step: Step, before: StepResult) -> Outcome:
        name = job_name(self.execution_id, step.name)
        request = _object(evaluate(self._with_job_name(step, name), self.values))
        plan = job_plan(step.type, name, request)
        parts = None
        if step.cache and step.cache.enabled:
            parts = key_parts(request, plan, self.around.store, self.journal)
            before = replace(before, arguments_hash=cache_key(parts))
            hit = self._reuse(step, before, parts) if self.use_cache else None
            if hit:
                return hit
        result, end, folder = self._attempts(step, plan, before, parts)
        if end.status != "Succeeded":
            return self._recorded(self._ended(result, end), parts)
        stored = store_outputs(plan, folder, self.around.store)
        findings = read_findings(plan, folder)
        result = _with_findings(self._ended(result, end).result, findings)
        result = replace(result, outputs={output.name: output.uri for output in plan.outputs})
        cache = self._cache_record(result, stored) if parts else None
        outcome = self._recorded(Outcome(result, plan.properties), parts, cache)
        tidy(folder)
        return outcome

    def _attempts(
        self, step: Step, plan: JobPlan, before: StepResult, parts: Mapping[str, str] | None
    ) -> tuple[StepResult, JobEnd, Path]:
        retries = Retries(step.retry_policies)
        result = before
        while True:
            result = self._next_attempt(result)
            folder = self._folder(step.name, result.attempts)
            result = replace(result, log=folder / LOG_FILE)
            self._record(result, None, parts)
            self._tell_started(result)
            end = run_job(plan, step.name, folder, self.around)
            now = self.around.clock.now()
            wait = retries.wait_seconds(end.fault, now) if end.status == "Failed" else None
            if wait is None:
                return result, end, folder
            reason = end.reason or ""
            self.around.tell(StepRetried(step.name, result.attempts, reason, wait, now))
            if self.around.clock.wait(self.around.stopping.event, wait):
                return (
                    result,
                    JobEnd("Stopped", f"stopped before another attempt: {reason}"),
                    folder,
                )

    def _next_attempt(self, result: StepResult) -> StepResult:
        folder = self._folder(result.name, max(result.attempts, 1))
        finished = read_exit(folder / EXIT_FILE)
        # An attempt that had succeeded when fmo was killed, or whose outputs found the disk full,
        # still has to be stored, not repeated.
        again = result.attempts > 0 and finished is not None and finished.succeeded
        attempts = result.attempts if again else result.attempts + 1
        return replace(self._started(result), attempts=attempts)

    def _reuse(self, step: Step, before: StepResult, parts: Mapping[str, str]) -> Outcome | None:
        now = self.around.clock.now()
        key = before.arguments_hash or ""
        found = (
            find_cached(key, step.cache, now, self.around.store, self.journal)
            if step.cache
            else None
        )
        source = self.journal.step(found.execution_id, found.step) if found else None
        if source is None:
            return None
        earlier = step_from_json(source.result)
        result = replace(
            earlier,
            name=step.name,
            cached=True,
            attempts=0,
            started_at=now,
            ended_at=now,
            depends_on=before.depends_on,
            branch=before.branch,
        )
        return self._recorded(Outcome(result, source.properties), parts)

    def _cache_record(self, result: StepResult, stored: list[str]) -> CacheRecord:
        objects = [item for uri in stored if (item := self.around.store.find(uri))]
        return CacheRecord(
            key=result.arguments_hash or "",
            execution_id=self.execution_id,
            step=result.name,
            ended_at=self.around.clock.now().isoformat(),
            contents=object_digests(objects, self.journal),
        )

    def _decide(self, step: Step, result: StepResult) -> Outcome:
        def resolve(value: Json) -> Json:
            return evaluate(value, self.values)

        holds = evaluate_conditions(step.conditions, resolve)
        texts = tuple(condition_text(item, resolve) for item in step.conditions)
        result = replace(result, condition_outcome=holds, conditions=texts)
        return Outcome(self._ended(result, JobEnd("Succeeded")).result, {"Outcome": str(holds)})

    def _call(self, step: Step, result: StepResult) -> Outcome:
        arguments = _object(evaluate(step.arguments, self.values))
        try:
            answer = self._answer(step, arguments)
        except FAILURES as error:
            return self._ended(result, JobEnd("Failed", f"{type(error).__name__}: {error}"))
        parameters = output_parameters(step, answer)
        return Outcome(
            self._ended(result, JobEnd("Succeeded")).result, {"OutputParameters": parameters}
        )

    def _answer(self, step: Step, arguments: Mapping[str, Json]) -> Json:
        if step.type == "Callback":
            message: Mapping[str, Json] = {
                "token": callback_token(self.execution_id, step.name),
                "pipelineExecutionArn": str(self.values.get(("Execution", "PipelineExecutionArn"))),
                "arguments": arguments,
                "status": "Executing",
            }
            return self.handlers.callbacks[queue_name(step)](message)
        name = function_name(step)
        if name in self.handlers.lambdas:
            return self.handlers.lambdas[name](arguments, None)
        path = self.around.home.lambdas / f"{name}.py"
        folder = self._folder(step.name, 1)
        return call_lambda_file(
            path.resolve(), arguments, folder, self.around.caller, self.around.stopping
        )

    def _create_model(self, step: Step, result: StepResult) -> Outcome:
        request = _object(evaluate(step.arguments, self.values))
        name = str(request.get("ModelName") or job_name(self.execution_id, step.name))
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"
        properties: Json = {**request, "ModelName": name, "ModelArn": arn}
        return Outcome(self._ended(result, JobEnd("Succeeded")).result, properties)

    def _register(self, step: Step, result: StepResult) -> Outcome:
        request = _object(evaluate(step.arguments, self.values))
        owner = (self.execution_id, step.name)
        now = self.around.clock.now()
        package = register_model(request, owner, now, self.around.store, self.journal)
        artifacts = {f"model{n or ''}": uri for n, uri in enumerate(artifact_uris(package))}
        outputs = {"model_package_arn": str(package["ModelPackageArn"]), **artifacts}
        ended = self._ended(result, JobEnd("Succeeded")).result
        return Outcome(replace(ended, outputs=outputs), package)

    def _begin(self, before: StepResult) -> StepResult:
        result = replace(self._started(before), attempts=before.attempts + 1)
        self._record(result)
        self._tell_started(result)
        return result

    def _started(self, result: StepResult) -> StepResult:
        now = self.around.clock.now()
        fresh = replace(result, status="Executing", ended_at=None, failure_reason=None)
        return replace(fresh, started_at=result.started_at or now)

    def _ended(self, result: StepResult, end: JobEnd) -> Outcome:
        now = self.around.clock.now()
        return Outcome(replace(result, status=end.status, ended_at=now, failure_reason=end.reason))

    def _current(self, step: Step, before: StepResult) -> StepResult:
        record = self.journal.step(self.execution_id, step.name)
        known = step_from_json(record.result) if record else before
        return self._started(known)

    def _record(
        self,
        result: StepResult,
        properties: Json = None,
        parts: Mapping[str, str] | None = None,
        cache: CacheRecord | None = None,
    ) -> None:
        record = StepRecord(result.name, step_to_json(result), properties, parts)
        self.journal.set_step(self.execution_id, record, cache)

    def _recorded(
        self,
        outcome: Outcome,
        parts: Mapping[str, str] | None,
        cache: CacheRecord | None = None,
    ) -> _Recorded:
        self._record(outcome.result, outcome.properties, parts, cache)
        return _Recorded(outcome.result, outcome.properties)

    def _tell_started(self, result: StepResult) -> None:
        now = self.around.clock.now()
        self.around.tell(StepStarted(result.name, result.type, result.attempts, now))

    def _folder(self, step: str, attempt: int) -> Path:
        return self.around.home.attempt(self.execution_id, step, attempt).absolute()

    def _with_job_name(self, step: Step, name: str) -> Json:
        return _replaced(step.arguments, f"Execution.{step.type}JobName", name)


class _Recorded(Outcome):
    """An outcome that the journal has."""


def job_name(execution_id: str, step: str) -> str:
    """Return the name of a step's job, as SageMaker makes one up."""
    return f"pipelines-{execution_id}-{step}"


def callback_token(execution_id: str, step: str) -> str:
    """Return the ten characters by which a callback is answered."""
    return cache_key({execution_id: step})[:10]


def _with_findings(result: StepResult, findings: Findings) -> StepResult:
    return replace(
        result,
        metrics=findings.metrics,
        history=findings.history,
        table=findings.table,
        samples=findings.samples,
    )


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
