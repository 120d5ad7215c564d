"""Amazon Bedrock: customization jobs (fine-tuning, continued pre-training, distillation, ...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.bridge.faults import NotNowError, RefusedError, ask
from orchestrator.bridge.services.named import NamedJobs

if TYPE_CHECKING:
    from orchestrator.bridge.model import JobState, Json

STATES: Mapping[str, JobState] = {
    "InProgress": "Running",
    "Completed": "Succeeded",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
}
"""botocore 1.44.5, bedrock: ModelCustomizationJobStatus."""

INVALID = "ValidationException"
LISTED = frozenset(("FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"))
"""botocore 1.44.5, bedrock: ModelCustomization, by which base models can be listed."""
INSTEAD = {
    "CONTINUED_PRE_TRAINING": "No model of this region does: use kind train with objective "
    "continued_pretrain, then bedrock_import; or Nova on HyperPod"
}
"""What to do where no model offers it."""


class Bedrock(NamedJobs):
    """`Service` over CreateModelCustomizationJob."""

    event_pattern: ClassVar[Mapping[str, Json]] = {
        "source": ["aws.bedrock"],
        "detail-type": ["Model Customization Job State Change"],
    }
    noun = "job"
    names = ("customModelName",)
    states = STATES

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

    def _create(self, request: Mapping[str, Json]) -> None:
        ask(self.client.create_model_customization_job, **request)

    def _read(self, job_id: str) -> Mapping[str, Any]:
        job: Mapping[str, Any] = ask(self.client.get_model_customization_job, jobIdentifier=job_id)
        return job

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

    def _outputs(self, job: Mapping[str, Any]) -> Mapping[str, str]:
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
