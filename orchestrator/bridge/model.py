"""What the bridge keeps of a callback, and what a service tells of a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

State = Literal["Starting", "Running", "Ended", "Answered"]
"""Of a record: no job is known yet; a job runs; its outcome is known; SageMaker knows it, too."""

JobState = Literal["Running", "Stopping", "Succeeded", "Failed", "Stopped"]
"""Of a job, whatever its service calls it."""

REASON_CHARACTERS = 256
"""botocore 1.44.5, sagemaker: String256 in SendPipelineExecutionStepFailure, max."""


@dataclass(frozen=True)
class JobStatus:
    """How a job does, as its service says."""

    state: JobState
    reason: str = ""
    """Why it failed or was stopped, in the service's words."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """What it made, once it succeeded."""


@dataclass(frozen=True)
class Outcome:
    """What a callback is answered with."""

    succeeded: bool
    outputs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class JobRecord:
    """One callback and its job."""

    token: str
    """The callback token: ten letters and digits, new for each attempt at a step."""
    execution_arn: str
    service: str
    request: Mapping[str, Json]
    """What the service is asked, without what the bridge adds."""
    outputs: Mapping[str, str]
    """Output parameters that the definition knows beforehand, returned as they are."""
    created_at: int
    """Seconds since 1970."""
    state: State = "Starting"
    job_id: str = ""
    """What the service knows the job by; empty until there is one."""
    outcome: Outcome | None = None
    stop_requested: bool = False

    @property
    def key(self) -> str:
        """What the names and client tokens of the job are made from: `fmo-EXECUTION-TOKEN`."""
        return f"fmo-{self.execution_arn.rpartition('/')[2]}-{self.token}"


def failed(reason: str) -> Outcome:
    """Return the outcome of a job that failed, or never was."""
    text = reason.strip()
    if len(text) > REASON_CHARACTERS:
        text = text[: REASON_CHARACTERS - 3] + "..."
    return Outcome(succeeded=False, reason=text)
