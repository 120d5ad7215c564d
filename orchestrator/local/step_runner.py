"""Runs one step of any type to its end and records it; called from worker threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import FmoError
from orchestrator.local.job_steps import JobSteps, tidy_after
from orchestrator.local.jobs import JobEnd
from orchestrator.local.recorder import Outcome, Recorder
from orchestrator.local.service_steps import ServiceSteps
from orchestrator.results.model import step_from_json

if TYPE_CHECKING:
    from orchestrator.definition.model import Step
    from orchestrator.local.handlers import Handlers
    from orchestrator.local.values import Values
    from orchestrator.results.model import StepResult


@dataclass(frozen=True)
class StepRunner:
    """Runs the steps of one execution."""

    recorder: Recorder
    values: Values
    handlers: Handlers
    use_cache: bool = True

    def run(self, step: Step, before: StepResult) -> StepResult:
        """Run `step` and record each stage; `before` is what is known of it so far."""
        try:
            outcome = self._run(step, before)
        except FmoError as error:
            outcome = self._failed(step, before, str(error))
        except OSError as error:
            # Such as a folder that another user owns: steps beside this one can still end well.
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            outcome = self._failed(step, before, what)
        self.recorder.record(outcome)
        if outcome.result.status == "Succeeded":
            self.values.properties[step.name] = outcome.properties
            tidy_after(self.recorder, outcome.result)
        return outcome.result

    def _run(self, step: Step, before: StepResult) -> Outcome:
        if step.type in {"Processing", "Training"}:
            return JobSteps(self.recorder, self.values, self.use_cache).run(step, before)
        return ServiceSteps(self.recorder, self.values, self.handlers).run(step, before)

    def _failed(self, step: Step, before: StepResult, reason: str) -> Outcome:
        record = self.recorder.journal.step(self.recorder.execution_id, step.name)
        known = step_from_json(record.result) if record else before
        result = self.recorder.ended(self.recorder.started(known), JobEnd("Failed", reason))
        return Outcome(result, None, record.cache_parts if record else None)
