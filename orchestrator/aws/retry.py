"""Retrying an execution that failed or was stopped: what would run again, and running it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.aws.executions import read_execution
from orchestrator.aws.starts import instances_of
from orchestrator.definition.model import walk
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.aws.clients import Aws
    from orchestrator.results.model import ExecutionResult, StepResult

FAIL = "Fail"


@dataclass(frozen=True)
class Retry:
    """An execution that has yet to be retried."""

    arn: str
    kept: tuple[str, ...]
    """Steps that succeeded: they do not run again."""
    again: Mapping[str, str]
    """Steps that run, to their instances such as `2 x ml.g5.2xlarge`; empty if they use none."""
    token: str
    """The same for the same state of the execution, which is retried once however often asked."""


def plan_retry(arn: str, aws: Aws) -> Retry:
    """Return what would run again; nothing is started.

    Raises:
        InputError: If nothing failed or was stopped, or if it would only fail again.
    """
    result = read_execution(arn, aws).result
    _can_be_retried(result)
    described = aws.call("sagemaker", "DescribePipelineExecution", PipelineExecutionArn=arn)
    instances = _instances(arn, aws)
    state = f"{arn} {described['PipelineExecutionStatus']} {described['LastModifiedTime']}"
    return Retry(
        arn,
        kept=tuple(step.name for step in result.steps if step.status == "Succeeded"),
        again={step.name: instances.get(step.name, "") for step in steps_to_run(result)},
        token=hashlib.sha256(state.encode()).hexdigest(),
    )


def retry(planned: Retry, aws: Aws) -> None:
    """Run what did not succeed, in the same execution: it keeps its ARN and its parameters."""
    aws.call(
        "sagemaker", "RetryPipelineExecution",
        PipelineExecutionArn=planned.arn, ClientRequestToken=planned.token,
    )  # fmt: skip


def steps_to_run(result: ExecutionResult) -> tuple[StepResult, ...]:
    """Return the steps that have not succeeded, save those on the side a condition did not take."""
    return tuple(
        step
        for step in result.steps
        if step.status != "Succeeded" and not _is_passed_by(step, result)
    )


def _is_passed_by(step: StepResult, result: ExecutionResult) -> bool:
    if step.branch is None:
        return False
    name, side = step.branch
    condition = result[name]
    if condition.condition_outcome is not None:
        return condition.condition_outcome != (side == "if")
    return _is_passed_by(condition, result)


def _can_be_retried(result: ExecutionResult) -> None:
    name = f"execution {result.execution_id}"
    if result.status not in {"Failed", "Stopped"}:
        words = {"Succeeded": "it succeeded", "Executing": "it still runs"}
        what = words.get(result.status, f"it is {result.status.lower()}")
        fix = "Only what failed or was stopped can be retried; `fmo start` starts another."
        raise InputError(Problem(name, what, fix))
    failed = [step for step in result.steps if step.status == "Failed"]
    if failed and all(step.type == FAIL for step in failed):
        what = f"{failed[0].name} ended it on purpose ({failed[0].failure_reason or 'no reason'})"
        fix = "Tried again it would say the same. Change the spec or the data, then `fmo start`."
        raise InputError(Problem(name, what, fix))


def _instances(arn: str, aws: Aws) -> dict[str, str]:
    answer = aws.call(
        "sagemaker", "DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn
    )
    steps = walk(parse_definition(answer["PipelineDefinition"].encode()).steps)
    return {found.step.name: instances_of(found.step.arguments) for found in steps}
