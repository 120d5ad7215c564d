"""Amazon Bedrock: import of a custom model. It sends no events and cannot be stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.bridge.faults import ask
from orchestrator.bridge.services.named import NamedJobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.bridge.model import JobState, Json

STATES: Mapping[str, JobState] = {
    "InProgress": "Running",
    "Completed": "Succeeded",
    "Failed": "Failed",
}
"""botocore 1.44.5, bedrock: ModelImportJobStatus."""


class BedrockImport(NamedJobs):
    """`Service` over CreateModelImportJob."""

    noun = "import job"
    names = ("importedModelName",)
    states = STATES

    def _create(self, request: Mapping[str, Json]) -> None:
        ask(self.client.create_model_import_job, **request)

    def _read(self, job_id: str) -> Mapping[str, Any]:
        job: Mapping[str, Any] = ask(self.client.get_model_import_job, jobIdentifier=job_id)
        return job

    def _outputs(self, job: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the output parameters, the same names for every job."""
        return {
            "job_name": job["jobName"],
            "job_arn": job["jobArn"],
            "model_name": job["importedModelName"],
            "model_arn": job.get("importedModelArn", ""),
        }
