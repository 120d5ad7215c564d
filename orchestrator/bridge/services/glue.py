"""AWS Glue: runs of a Spark or Python job that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.bridge.faults import NotNowError, RefusedError, ask
from orchestrator.bridge.model import JobState, JobStatus

if TYPE_CHECKING:
    from orchestrator.bridge.model import Json

STATES: Mapping[str, JobState] = {
    "STARTING": "Running",
    "RUNNING": "Running",
    "WAITING": "Running",
    "STOPPING": "Stopping",
    "STOPPED": "Stopped",
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "TIMEOUT": "Failed",
    "ERROR": "Failed",
    "EXPIRED": "Failed",
}
"""botocore 1.44.5, glue: JobRunState."""

KEY_ARGUMENT = "--fmo_callback"
"""StartJobRun takes neither a name nor a client token, so the key travels as a job argument."""

MISSING = "EntityNotFoundException"
FULL = frozenset(
    {
        "ConcurrentRunsExceededException",
        "OperationTimeoutException",
        "ResourceNumberLimitExceededException",
    }
)
"""botocore 1.44.5, glue: errors of StartJobRun that pass when other runs end."""


@dataclass(frozen=True)
class Glue:
    """`Service` over StartJobRun. A job's id is `JOB_NAME/RUN_ID`.

    The client must not repeat calls by itself: a second StartJobRun is a second run.
    """

    client: Any
    event_pattern: ClassVar[Mapping[str, Json]] = {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
    }

    def find(self, request: Mapping[str, Json], key: str) -> str | None:
        """Return the id of the run that `start` has started for `key`; None if there is none."""
        name = str(request.get("JobName", ""))
        more: dict[str, str] = {}
        while True:
            page = ask(self.client.get_job_runs, JobName=name, MaxResults=200, **more)
            for run in page["JobRuns"]:
                if run.get("Arguments", {}).get(KEY_ARGUMENT) == key:
                    return f"{name}/{run['Id']}"
            if not page.get("NextToken"):
                return None
            more = {"NextToken": page["NextToken"]}

    def start(self, request: Mapping[str, Json], key: str) -> str:
        """Start a run and return its id.

        A second one for the same `key` is prevented by `find`, and while a run is so new that
        `find` does not see it, by the job's `MaxConcurrentRuns` of 1.
        """
        given = request.get("Arguments")
        arguments = dict(given) if isinstance(given, Mapping) else {}
        named = {**request, "Arguments": {**arguments, KEY_ARGUMENT: key}}
        try:
            run_id = ask(self.client.start_job_run, **named)["JobRunId"]
        except RefusedError as error:
            if error.code in FULL:
                raise NotNowError(str(error)) from error
            raise
        return f"{request['JobName']}/{run_id}"

    def describe(self, job_id: str) -> JobStatus:
        """Return how a run does; one that is gone has failed."""
        name, _, run_id = job_id.rpartition("/")
        try:
            run = ask(self.client.get_job_run, JobName=name, RunId=run_id)["JobRun"]
        except RefusedError as error:
            if error.code != MISSING:
                raise
            return JobStatus("Failed", "Glue has no such run any more")
        found = run["JobRunState"]
        outputs = {
            "job_name": name,
            "job_run_id": run_id,
            "execution_seconds": str(run.get("ExecutionTime", "")),
        }
        return JobStatus(STATES[found], run.get("ErrorMessage", found), outputs)

    def stop(self, job_id: str) -> None:
        """Ask for the end of a run, without waiting for it."""
        name, _, run_id = job_id.rpartition("/")
        answer = ask(self.client.batch_stop_job_run, JobName=name, JobRunIds=[run_id])
        for refused in answer.get("Errors", []):
            detail = refused.get("ErrorDetail", {})
            raise RefusedError(detail.get("ErrorCode", ""), detail.get("ErrorMessage", ""))

    def job_of(self, event: Mapping[str, Json]) -> str | None:
        """Return the id of the run that an EventBridge event is about; None if it is of others."""
        detail = event.get("detail")
        if event.get("source") != "aws.glue" or not isinstance(detail, Mapping):
            return None
        name, run_id = detail.get("jobName"), detail.get("jobRunId")
        return f"{name}/{run_id}" if name and run_id else None
