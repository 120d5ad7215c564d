"""Executions of a deployed pipeline: started, stopped, and read as results like local ones."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from orchestrator.aws.artifacts import read_object
from orchestrator.aws.jobs import Job, describe_job, job_of
from orchestrator.definition.graph import build_graph
from orchestrator.definition.parameter_values import parameter_values
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import InputError, Problem
from orchestrator.results.collect import collect
from orchestrator.results.model import ExecutionResult, StepResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.aws.clients import Aws, Response
    from orchestrator.definition.graph import Node
    from orchestrator.definition.json import Json
    from orchestrator.results.model import ExecutionStatus, StepStatus

ARN = re.compile(
    r"arn:aws[\w-]*:sagemaker:(?P<region>[\w-]+):\d{12}:pipeline/(?P<pipeline>[\w-]+)"
    r"/execution/(?P<id>[0-9a-z]+)"
)
ENDED = {"Succeeded", "Failed", "Stopped"}


@dataclass(frozen=True)
class Watched:
    """An execution as it stands."""

    result: ExecutionResult
    jobs: Mapping[str, Job]
    """Step to the job behind it, of those that have one."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.result.status in ENDED


def stop(arn: str, aws: Aws) -> ExecutionStatus:
    """Ask for an execution to stop, and with it the jobs that run; return how it stands then."""
    execution = aws.call("sagemaker", "DescribePipelineExecution", PipelineExecutionArn=arn)
    status = _status(execution["PipelineExecutionStatus"])
    if status != "Executing":
        return status
    aws.call("sagemaker", "StopPipelineExecution", PipelineExecutionArn=arn)
    return "Stopping"


def region_of(arn: str) -> str:
    """Return the region of an execution's ARN.

    Raises:
        InputError: If it is none.
    """
    found = ARN.fullmatch(arn)
    if found is None:
        form = "arn:aws:sagemaker:REGION:ACCOUNT:pipeline/NAME/execution/ID"
        raise InputError(Problem("", f"'{arn}' is not the ARN of an execution", f"Give {form}."))
    return found["region"]


def read_execution(arn: str, aws: Aws) -> Watched:
    """Return how an execution went, or stands."""
    execution = aws.call("sagemaker", "DescribePipelineExecution", PipelineExecutionArn=arn)
    answer = aws.call(
        "sagemaker", "DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn
    )
    data = answer["PipelineDefinition"].encode()
    definition = parse_definition(data)
    listed = _steps(arn, aws)
    jobs = {name: job for name, step in listed.items() if (job := _job(step, aws)) is not None}
    result = ExecutionResult(
        execution_id=arn.rpartition("/")[2],
        pipeline_name=arn.split("/")[1],
        status=_status(execution["PipelineExecutionStatus"]),
        started_at=execution["CreationTime"],
        ended_at=_ended_at(execution),
        steps=tuple(
            _step(node, listed.get(name), jobs.get(name))
            for name, node in build_graph(definition).items()
        ),
        parameters=parameter_values(definition.parameters, _parameters(arn, aws)),
        failure_reason=execution.get("FailureReason"),
        definition_hash=hashlib.sha256(data).hexdigest(),
        source={"execution_arn": arn},
    )
    return Watched(result, jobs)


def with_outputs(result: ExecutionResult, aws: Aws) -> ExecutionResult:
    """Return `result` with what its steps wrote: metrics, histories, comparisons, samples."""
    return collect(result, lambda uri: read_object(uri, aws))


def _steps(arn: str, aws: Aws) -> dict[str, Response]:
    pages = aws.pages("sagemaker", "ListPipelineExecutionSteps", PipelineExecutionArn=arn)
    return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}


def _parameters(arn: str, aws: Aws) -> dict[str, Json]:
    pages = aws.pages("sagemaker", "ListPipelineParametersForExecution", PipelineExecutionArn=arn)
    return {one["Name"]: one["Value"] for page in pages for one in page["PipelineParameters"]}


def _job(step: Response, aws: Aws) -> Job | None:
    arn = job_of(step.get("Metadata", {}))
    return describe_job(arn, aws) if arn else None


def _step(node: Node, listed: Response | None, job: Job | None) -> StepResult:
    known = node.step
    branch = (
        (node.branch.condition, "if" if node.branch.side == "IfSteps" else "else")
        if node.branch
        else None
    )
    if listed is None:
        return StepResult(known.name, known.type, depends_on=node.depends_on, branch=branch)
    metadata = listed.get("Metadata", {})
    outcome = metadata.get("Condition", {}).get("Outcome")
    return StepResult(
        name=known.name,
        type=known.type,
        status=cast("StepStatus", listed["StepStatus"]),
        started_at=listed.get("StartTime"),
        ended_at=listed.get("EndTime"),
        cached="CacheHitResult" in listed,
        attempts=listed.get("AttemptCount", 0),
        failure_reason=listed.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage"),
        depends_on=node.depends_on,
        branch=branch,
        condition_outcome=None if outcome is None else outcome == "True",
        outputs=_outputs(metadata, job),
        metrics=job.metrics if job else {},
    )


def _outputs(metadata: Mapping[str, Any], job: Job | None) -> Mapping[str, str]:
    if job is not None:
        return job.outputs
    package = metadata.get("RegisterModel", {}).get("Arn")
    return {"model_package_arn": package} if package else {}


def _status(status: str) -> ExecutionStatus:
    # Steps behind a failed one may go on by their Trigger; to us, the execution failed.
    return cast("ExecutionStatus", "Failed" if status == "CompletedWithFailures" else status)


def _ended_at(execution: Response) -> Any:
    has_ended = _status(execution["PipelineExecutionStatus"]) in ENDED
    return execution["LastModifiedTime"] if has_ended else None
