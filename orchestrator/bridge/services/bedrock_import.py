"""Amazon Bedrock: import of a custom model. It sends no events and cannot be stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.bridge.faults import RefusedError, ask
from orchestrator.bridge.model import JobState, JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.bridge.model import Json

STATES: Mapping[str, JobState] = {
    "InProgress": "Running",
    "Completed": "Succeeded",
    "Failed": "Failed",
}
"""botocore 1.44.5, bedrock: ModelImportJobStatus."""

MISSING = "ResourceNotFoundException"


@dataclass(frozen=True)
class BedrockImport:
    """`Service` over CreateModelImportJob. A job's id is its name, which is the key."""

    client: Any
    event_pattern: ClassVar[Mapping[str, Json]] = {}

    def find(self, request: Mapping[str, Json], key: str) -> str | None:  # noqa: ARG002
        """Return the id of the job that `start` has started for `key`; None if there is none."""
        return key if self._get(key) else None

    def start(self, request: Mapping[str, Json], key: str) -> str:
        """Start a job and return its id; for the same `key` no second one.

        The imported model is called by the key, too, unless the request names it.
        """
        named = {"importedModelName": key, **request, "jobName": key, "clientRequestToken": key}
        try:
            ask(self.client.create_model_import_job, **named)
        except RefusedError:
            # The name may be taken by an attempt whose answer was lost.
            if not self._get(key):
                raise
        return key

    def describe(self, job_id: str) -> JobStatus:
        """Return how a job does; one that is gone has failed."""
        job = self._get(job_id)
        if job is None:
            return JobStatus("Failed", "Bedrock has no import job of this name any more")
        state = STATES[job["status"]]
        outputs = {
            "job_name": job["jobName"],
            "job_arn": job["jobArn"],
            "model_name": job["importedModelName"],
            "model_arn": job.get("importedModelArn", ""),
        }
        return JobStatus(state, job.get("failureMessage", ""), outputs)

    def stop(self, job_id: str) -> None:
        """Do nothing: Bedrock cannot stop an import, so the callback waits for its end."""

    def job_of(self, event: Mapping[str, Json]) -> str | None:  # noqa: ARG002
        """Return None: Bedrock sends no events about imports; the sweeper looks at them."""
        return None

    def _get(self, job_id: str) -> dict[str, Any] | None:
        try:
            return dict(ask(self.client.get_model_import_job, jobIdentifier=job_id))
        except RefusedError as error:
            if error.code != MISSING:
                raise
            return None
