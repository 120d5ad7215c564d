"""Amazon Bedrock: customization jobs (fine-tuning, continued pre-training, distillation, ...)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.bridge.faults import NotNowError, RefusedError, ask
from orchestrator.bridge.model import JobState, JobStatus

if TYPE_CHECKING:
    from orchestrator.bridge.model import Json

STATES: Mapping[str, JobState] = {
    "InProgress": "Running",
    "Completed": "Succeeded",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
}
"""botocore 1.44.5, bedrock: ModelCustomizationJobStatus."""

MISSING = "ResourceNotFoundException"
INVALID = "ValidationException"
LISTED = frozenset(("FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"))
"""botocore 1.44.5, bedrock: ModelCustomization, by which base models can be listed."""
INSTEAD = {
    "CONTINUED_PRE_TRAINING": "No model of this region does: use kind train with objective "
    "continued_pretrain, then bedrock_import; or Nova on HyperPod"
}
"""What to do where no model offers it."""


@dataclass(frozen=True)
class Bedrock:
    """`Service` over CreateModelCustomizationJob. A job's id is its name, which is the key."""

    client: Any
    event_pattern: ClassVar[Mapping[str, Json]] = {
        "source": ["aws.bedrock"],
        "detail-type": ["Model Customization Job State Change"],
    }

    def find(self, request: Mapping[str, Json], key: str) -> str | None:  # noqa: ARG002
        """Return the id of the job that `start` has started for `key`; None if there is none."""
        return key if self._get(key) else None

    def start(self, request: Mapping[str, Json], key: str) -> str:
        """Start a job and return its id; for the same `key` no second one.

        The custom model is called by the key, too, unless the request names it.
        """
        named = {"customModelName": key, **request, "jobName": key, "clientRequestToken": key}
        try:
            ask(self.client.create_model_customization_job, **named)
        except RefusedError as error:
            # The name may be taken by an attempt whose answer was lost.
            if not self._get(key):
                raise self._explained(error, request) from error
        return key

    def describe(self, job_id: str) -> JobStatus:
        """Return how a job does; one that is gone has failed."""
        job = self._get(job_id)
        if job is None:
            return JobStatus("Failed", "Bedrock has no job of this name any more")
        state = STATES[job["status"]]
        if state == "Succeeded":
            return JobStatus(state, outputs=_outputs(job))
        return JobStatus(state, job.get("failureMessage", "") if state == "Failed" else "")

    def stop(self, job_id: str) -> None:
        """Ask for the end of a running job, without waiting for it."""
        ask(self.client.stop_model_customization_job, jobIdentifier=job_id)

    def job_of(self, event: Mapping[str, Json]) -> str | None:
        """Return the id of the job that an EventBridge event is about; None if it is of others."""
        detail = event.get("detail")
        if event.get("source") != "aws.bedrock" or not isinstance(detail, Mapping):
            return None
        name = detail.get("jobName")
        return name if isinstance(name, str) else None

    def _explained(self, error: RefusedError, request: Mapping[str, Json]) -> RefusedError:
        """Return `error` with what the region offers, if the model is not among it."""
        wanted, model = request.get("customizationType"), str(request.get("baseModelIdentifier"))
        if error.code != INVALID or wanted not in LISTED:
            return error
        try:
            listed = ask(self.client.list_foundation_models, byCustomizationType=wanted)
        except (NotNowError, RefusedError):
            return error
        offers = {
            it["modelId"]: it.get("modelLifecycle", {}).get("status", "ACTIVE")
            for it in listed["modelSummaries"]
        }
        name = model.rpartition("/")[2]
        if offers.get(name) == "ACTIVE":
            return error
        active = sorted(it for it, status in offers.items() if status == "ACTIVE")
        state = "is LEGACY" if name in offers else f"offers no {wanted} here"
        cure = f"Take {', '.join(active)}" if active else INSTEAD.get(str(wanted), "Ask AWS")
        return RefusedError(error.code, f"{name} {state}. {cure}. {error}")

    def _get(self, job_id: str) -> dict[str, Any] | None:
        try:
            return dict(ask(self.client.get_model_customization_job, jobIdentifier=job_id))
        except RefusedError as error:
            if error.code != MISSING:
                raise
            return None


def _outputs(job: Mapping[str, Any]) -> dict[str, str]:
    """Return the output parameters, the same names for every job."""
    folder = job["outputDataConfig"]["s3Uri"].rstrip("/")
    job_number = job["jobArn"].rpartition("/")[2]
    losses = [metrics.get("validationLoss") for metrics in job.get("validationMetrics", [])]
    return {
        "job_name": job["jobName"],
        "job_arn": job["jobArn"],
        "model_name": job["outputModelName"],
        "model_arn": job.get("outputModelArn", ""),
        "output_uri": f"{folder}/model-customization-job-{job_number}/",
        "training_loss": _text(job.get("trainingMetrics", {}).get("trainingLoss")),
        "validation_loss": _text(losses[0] if losses else None),
    }


def _text(number: float | None) -> str:
    return "" if number is None else str(number)
