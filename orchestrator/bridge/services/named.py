"""What services of Bedrock have in common: a job has a name, and is found by it.

The name is made from the key, so that a start that is repeated is the same start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.bridge.faults import RefusedError
from orchestrator.bridge.model import JobState, JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.bridge.model import Json

MISSING = "ResourceNotFoundException"


@dataclass(frozen=True)
class NamedJobs:
    """`Service` over a call that makes a job and one that reads it. A job's id is its name."""

    client: Any
    event_pattern: ClassVar[Mapping[str, Json]] = {}
    noun: ClassVar[str]
    """What the service calls a job."""
    names: ClassVar[tuple[str, ...]] = ()
    """Members of a request that are named by the key unless the request does."""
    job_name: ClassVar[str] = "jobName"
    """The member that is always named by the key."""
    states: ClassVar[Mapping[str, JobState]]

    def find(self, request: Mapping[str, Json], key: str) -> str | None:  # noqa: ARG002
        """Return the id of the job that `start` has started for `key`; None if there is none."""
        return key if self._get(key) else None

    def start(self, request: Mapping[str, Json], key: str) -> str:
        """Start a job and return its id; for the same `key` no second one."""
        named = {**dict.fromkeys(self.names, key), **request}
        own = {self.job_name: key, "clientRequestToken": key}
        try:
            self._create({**named, **own})
        except RefusedError as error:
            # The name may be taken by an attempt whose answer was lost.
            if not self._get(key):
                raise self._explained(error, request) from error
        return key

    def describe(self, job_id: str) -> JobStatus:
        """Return how a job does; one that is gone has failed."""
        job = self._get(job_id)
        if job is None:
            return JobStatus("Failed", f"Bedrock has no {self.noun} of this name any more")
        state = self.states[job["status"]]
        if state == "Succeeded":
            return JobStatus(state, outputs=self._outputs(job))
        return JobStatus(state, job.get("failureMessage", "") if state == "Failed" else "")

    def stop(self, job_id: str) -> None:
        """Do nothing, where Bedrock cannot stop it: the callback waits for its end."""

    def job_of(self, event: Mapping[str, Json]) -> str | None:  # noqa: ARG002
        """Return None, where Bedrock sends no events about it: the sweeper looks at them."""
        return None

    def _create(self, request: Mapping[str, Json]) -> None:
        raise NotImplementedError

    def _read(self, job_id: str) -> Mapping[str, Any]:
        raise NotImplementedError

    def _outputs(self, job: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the output parameters, the same names for every job."""
        raise NotImplementedError

    def _explained(self, error: RefusedError, request: Mapping[str, Json]) -> RefusedError:  # noqa: ARG002
        """Return `error`, with what more there is to say about it."""
        return error

    def _get(self, job_id: str) -> dict[str, Any] | None:
        try:
            return dict(self._read(job_id))
        except RefusedError as error:
            if error.code != MISSING:
                raise
            return None
