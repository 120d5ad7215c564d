"""What moto lacks of the services that the bridge calls. Importing this adds it.

moto finds an operation by the name of a method, so each is one function. Limits of the service hold
here, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from moto.bedrock.exceptions import (
    ResourceInUseException,
    ResourceNotFoundException,
    ValidationException,
)
from moto.bedrock.responses import BedrockResponse
from moto.glue.responses import GlueResponse
from moto.sagemaker.exceptions import (
    AWSValidationException,
    ConflictException,
    ResourceNotFound,
)
from moto.sagemaker.responses import SageMakerResponse


@dataclass
class Callback:
    """A callback step that waits."""

    execution_arn: str
    declared: frozenset[str] | None
    """Names of its output parameters; None if any will do."""
    answers: list[dict[str, Any]] = field(default_factory=list)
    """Those that were accepted; a repeated one counts once."""
    conflicts: int = 0
    """How often somebody tried to answer it otherwise."""


def callbacks(backend: Any) -> dict[str, Callback]:
    """Return the callbacks of a SageMaker backend by token; moto's reset forgets them."""
    return backend.__dict__.setdefault("callbacks", {})


def send_success(self: SageMakerResponse) -> str:
    body = json.loads(self.body)
    callback = _waiting(self, body)
    parameters = {item["Name"]: item["Value"] for item in body.get("OutputParameters", [])}
    if len(parameters) > 50 or any(len(value) > 1024 for value in parameters.values()):
        _invalid("OutputParameters")
    if callback.declared is not None and set(parameters) != callback.declared:
        _invalid(f"OutputParameters {sorted(parameters)}")
    return _accept(callback, {**body, "succeeded": True, "outputs": parameters})


def send_failure(self: SageMakerResponse) -> str:
    body = json.loads(self.body)
    callback = _waiting(self, body)
    if len(body.get("FailureReason", "")) > 256:
        _invalid("FailureReason")
    return _accept(callback, {**body, "succeeded": False, "reason": body.get("FailureReason", "")})


def _waiting(response: SageMakerResponse, body: dict[str, Any]) -> Callback:
    if len(body["CallbackToken"]) != 10 or not 32 <= len(body["ClientRequestToken"]) <= 128:
        _invalid("CallbackToken or ClientRequestToken")
    callback = callbacks(response.sagemaker_backend).get(body["CallbackToken"])
    if callback is None:
        message = f"no callback {body['CallbackToken']}"
        raise ResourceNotFound(message)
    return callback


def _accept(callback: Callback, answer: dict[str, Any]) -> str:
    tokens = [given["ClientRequestToken"] for given in callback.answers]
    if tokens and answer["ClientRequestToken"] not in tokens:
        callback.conflicts += 1
        message = "the callback is answered"
        raise ConflictException(message)
    if not tokens:
        callback.answers.append(answer)
    return json.dumps({"PipelineExecutionArn": callback.execution_arn})


def _invalid(what: str) -> None:
    message = f"invalid {what}"
    raise AWSValidationException(message)


def create_model_import_job(self: BedrockResponse) -> str:
    body = json.loads(self.body)
    jobs = import_jobs(self.bedrock_backend)
    if body["jobName"] in jobs:
        message = f"import job {body['jobName']} exists"
        raise ResourceInUseException(message)
    arn = f"arn:aws:bedrock:{self.region}:{self.current_account}:model-import-job/abcdef123456"
    jobs[body["jobName"]] = {**body, "jobArn": arn, "status": "InProgress"}
    return json.dumps({"jobArn": arn})


def get_model_import_job(self: BedrockResponse) -> str:
    name = unquote(self.path.rpartition("/")[2])
    job = import_jobs(self.bedrock_backend).get(name)
    if job is None:
        message = f"import job {name} not found"
        raise ResourceNotFoundException(message)
    return json.dumps(job)


def import_jobs(backend: Any) -> dict[str, dict[str, Any]]:
    """Return the import jobs of a Bedrock backend by name."""
    return backend.__dict__.setdefault("import_jobs", {})


def refuse_unlisted(create: Any) -> Any:
    """Let a Bedrock that was given base models refuse to customize others."""

    def create_model_customization_job(self: BedrockResponse) -> str:
        body, models = json.loads(self.body), base_models(self.bedrock_backend)
        model = models.get(body["baseModelIdentifier"], {"customizationsSupported": []})
        fits = body["customizationType"] in model["customizationsSupported"]
        if models and not (fits and model["modelLifecycle"]["status"] == "ACTIVE"):
            message = "The provided model identifier is invalid."
            raise ValidationException(message)
        return create(self)

    return create_model_customization_job


def list_foundation_models(self: BedrockResponse) -> str:
    wanted = self._get_param("byCustomizationType")
    found = base_models(self.bedrock_backend).values()
    listed = [model for model in found if wanted in model["customizationsSupported"]]
    return json.dumps({"modelSummaries": listed})


def base_models(backend: Any) -> dict[str, dict[str, Any]]:
    """Return the base models of a Bedrock backend by id; while there is none, it takes any."""
    return backend.__dict__.setdefault("base_models", {})


def batch_stop_job_run(self: GlueResponse) -> str:
    name, stopped, errors = self._get_param("JobName"), [], []
    runs = {run.job_run_id: run for run in self.glue_backend.get_job(name).job_runs}
    for run_id in self._get_param("JobRunIds"):
        if run_id in runs and runs[run_id].status in ("STARTING", "RUNNING"):
            runs[run_id].status = "STOPPED"
            stopped.append({"JobName": name, "JobRunId": run_id})
        else:
            detail = {"ErrorCode": "JobRunNotInTerminalStateException", "ErrorMessage": "ended"}
            errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
    return json.dumps({"SuccessfulSubmissions": stopped, "Errors": errors})


OPERATIONS = {
    (SageMakerResponse, "send_pipeline_execution_step_success"): send_success,
    (SageMakerResponse, "send_pipeline_execution_step_failure"): send_failure,
    (BedrockResponse, "create_model_import_job"): create_model_import_job,
    (BedrockResponse, "get_model_import_job"): get_model_import_job,
    (BedrockResponse, "list_foundation_models"): list_foundation_models,
    (GlueResponse, "batch_stop_job_run"): batch_stop_job_run,
}
for (response, name), operation in OPERATIONS.items():
    if hasattr(response, name):  # A newer moto has it: then this must go.
        message = f"moto has {name} now"
        raise RuntimeError(message)
    setattr(response, name, operation)
CREATE = "create_model_customization_job"
setattr(BedrockResponse, CREATE, refuse_unlisted(getattr(BedrockResponse, CREATE)))
