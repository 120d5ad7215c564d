"""Runs the steps that start no job: conditions, failures, functions, models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.definition.conditions import evaluate_conditions
from orchestrator.definition.expressions import evaluate
from orchestrator.errors import DefinitionError, Problem, UnsupportedError
from orchestrator.local.bedrock import LocalBedrock
from orchestrator.local.bridge import carry_here
from orchestrator.local.cache import cache_key
from orchestrator.local.condition_text import condition_text, unread_metrics
from orchestrator.local.handlers import (
    FAILURES,
    Handlers,
    call_lambda_file,
    function_name,
    is_carried_here,
    output_parameters,
    queue_name,
)
from orchestrator.local.jobs import LOG_FILE, JobEnd
from orchestrator.local.recorder import Outcome, job_name
from orchestrator.local.registry import register_model
from orchestrator.local.values import ACCOUNT, REGION
from orchestrator.results.registered import artifact_uris

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step
    from orchestrator.local.recorder import Recorder
    from orchestrator.local.values import Values
    from orchestrator.results.model import StepResult


@dataclass(frozen=True)
class ServiceSteps:
    """Runs the other steps of one execution."""

    recorder: Recorder
    values: Values
    handlers: Handlers

    def run(self, step: Step, before: StepResult) -> Outcome:
        """Run `step` and return how it ended; its end is not recorded."""
        result = replace(self.recorder.started(before), attempts=before.attempts + 1)
        self.recorder.begin(result)
        match step.type:
            case "Condition":
                return self._decide(step, result)
            case "Fail":
                message = evaluate(step.arguments.get("ErrorMessage", ""), self.values)
                return Outcome(self.recorder.ended(result, JobEnd("Failed", str(message))))
            case "Callback" if is_carried_here(step, self.handlers):
                return self._carry(step, result)
            case "Lambda" | "Callback":
                return self._call(step, result)
            case "Model":
                return self._create_model(step, result)
            case "RegisterModel":
                return self._register(step, result)
        problem = Problem(f"steps.{step.name}", f"a step of type {step.type!r} cannot run here")
        raise UnsupportedError(problem)

    def _succeeded(self, result: StepResult, properties: Json) -> Outcome:
        return Outcome(self.recorder.ended(result, JobEnd("Succeeded")), properties)

    def _decide(self, step: Step, result: StepResult) -> Outcome:
        def resolve(value: Json) -> Json:
            return evaluate(value, self.values)

        try:
            holds = evaluate_conditions(step.conditions, resolve)
            texts = tuple(condition_text(item, resolve) for item in step.conditions)
        except DefinitionError as error:
            problems = unread_metrics(step.conditions, self.values)
            raise DefinitionError(problems or error.problems) from error
        result = replace(result, condition_outcome=holds, conditions=texts)
        return self._succeeded(result, {"Outcome": str(holds)})

    def _call(self, step: Step, result: StepResult) -> Outcome:
        arguments = _object(evaluate(step.arguments, self.values))
        try:
            answer = self._answer(step, arguments)
        except FAILURES as error:
            end = JobEnd("Failed", f"{type(error).__name__}: {error}")
            return Outcome(self.recorder.ended(result, end))
        return self._succeeded(result, {"OutputParameters": output_parameters(step, answer)})

    def _carry(self, step: Step, result: StepResult) -> Outcome:
        """Let the bridge carry a Callback step to a service of this machine."""
        around, folder = self.recorder.around, self.recorder.folder(step.name, result.attempts)
        client = LocalBedrock(step.name, folder, around)
        message = self._message(step, _object(evaluate(step.arguments, self.values)))
        outcome = carry_here(message, client, int(around.clock.now().timestamp()))
        if (folder / LOG_FILE).is_file():
            result = replace(result, log=folder / LOG_FILE)
        if not outcome.succeeded:
            stopped = around.stopping.event.is_set()
            end = JobEnd("Stopped" if stopped else "Failed", outcome.reason)
            return Outcome(self.recorder.ended(result, end))
        given = output_parameters(step, outcome.outputs)
        losses = {name: text for name, text in outcome.outputs.items() if name.endswith("_loss")}
        result = replace(
            result,
            outputs={name: str(given[name]) for name in sorted(given) if given[name]},
            metrics={name: float(text) for name, text in losses.items() if text},
        )
        return self._succeeded(result, {"OutputParameters": given})

    def _message(self, step: Step, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "token": callback_token(self.recorder.execution_id, step.name),
            "pipelineExecutionArn": self.values.get(("Execution", "PipelineExecutionArn")),
            "arguments": arguments,
            "status": "Executing",
        }

    def _answer(self, step: Step, arguments: Mapping[str, Json]) -> Json:
        if step.type == "Callback":
            return self.handlers.callbacks[queue_name(step)](self._message(step, arguments))
        name = function_name(step)
        if name in self.handlers.lambdas:
            return self.handlers.lambdas[name](arguments, None)
        around = self.recorder.around
        path = (around.home.lambdas / f"{name}.py").resolve()
        folder = self.recorder.folder(step.name, 1)
        return call_lambda_file(path, arguments, folder, around.caller, around.stopping)

    def _create_model(self, step: Step, result: StepResult) -> Outcome:
        request = _object(evaluate(step.arguments, self.values))
        made_up = job_name(self.recorder.execution_id, step.name)
        name = str(request.get("ModelName") or made_up)
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"
        return self._succeeded(result, {**request, "ModelName": name, "ModelArn": arn})

    def _register(self, step: Step, result: StepResult) -> Outcome:
        request = _object(evaluate(step.arguments, self.values))
        owner = (self.recorder.execution_id, step.name)
        around = self.recorder.around
        now = around.clock.now()
        package = register_model(request, owner, now, around.store, self.recorder.journal)
        artifacts = {f"model{n or ''}": uri for n, uri in enumerate(artifact_uris(package))}
        outputs = {"model_package_arn": str(package["ModelPackageArn"]), **artifacts}
        return self._succeeded(replace(result, outputs=outputs), package)


def callback_token(execution_id: str, step: str) -> str:
    """Return the ten characters by which a callback is answered."""
    return cache_key({execution_id: step})[:10]


def _object(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, dict) else {}
