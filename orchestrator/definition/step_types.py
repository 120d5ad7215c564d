"""The step types of SageMaker Pipelines: the request behind each, what it yields, what it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB_FAULTS = (
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
STEP_FAULTS = ("Step.SERVICE_FAULT", "Step.THROTTLING")


@dataclass(frozen=True)
class RequestPart:
    """A member of `Arguments` that is a request of its own."""

    shape: str
    filled_in: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StepType:
    """What validation knows of one step type. None means: not published, so not checked."""

    service: str = "sagemaker"
    operation: str | None = None
    """Its input shape is the shape of `Arguments`."""
    filled_in: frozenset[str] = frozenset()
    """Required members of the request that SageMaker fills in when they are absent."""
    results: tuple[str, ...] | None = ()
    """Shapes of `service`; what can be read as `Steps.NAME.MEMBER` is a member of one of them."""
    result_names: tuple[str, ...] = ()
    """What can be read beside that."""
    fields: frozenset[str] | None = None
    """Without an operation: all members that `Arguments` may have; None if anything goes."""
    required: tuple[str, ...] = ()
    """Without an operation: members that `Arguments` must have."""
    parts: Mapping[str, RequestPart] = field(default_factory=dict)
    """Without an operation: what is known of the members."""
    step_fields: tuple[str, ...] = ()
    """Members of the step itself that it must have, beside Name, Type and Arguments."""
    retries: tuple[str, ...] = ()
    """The exception types that its retry policies may name."""
    caches: bool = False
    """Whether it may have a `CacheConfig`."""


_ALL_FAULTS = (*STEP_FAULTS, *JOB_FAULTS)
_UNPUBLISHED = StepType(results=None, retries=STEP_FAULTS, caches=True)


def _job(name: str, *results: str) -> StepType:
    return StepType(
        operation=f"Create{name}",
        filled_in=frozenset({f"{name}Name"}),
        results=(f"Describe{name}Response", *results),
        retries=_ALL_FAULTS,
        caches=True,
    )


def _check(*results: str) -> StepType:
    return StepType(
        operation="CreateProcessingJob",
        filled_in=frozenset({"ProcessingJobName"}),
        result_names=results,
        step_fields=("CheckType",),
        caches=True,
    )


def _resource(name: str) -> StepType:
    return StepType(
        operation=f"Create{name}",
        filled_in=frozenset({f"{name}Name"}),
        results=(f"Describe{name}Output",),
        retries=STEP_FAULTS,
    )


STEP_TYPES: dict[str, StepType] = {
    "Training": _job("TrainingJob"),
    "Processing": _job("ProcessingJob"),
    "Transform": _job("TransformJob"),
    "Tuning": _job("HyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJobResponse"),
    "AutoML": StepType(
        operation="CreateAutoMLJob",
        filled_in=frozenset({"AutoMLJobName"}),
        results=("DescribeAutoMLJobResponse",),
        result_names=("BestCandidateProperties",),
        retries=_ALL_FAULTS,
        caches=True,
    ),
    "Model": _resource("Model"),
    "RegisterModel": StepType(
        operation="CreateModelPackage",
        results=("DescribeModelPackageOutput",),
        retries=STEP_FAULTS,
    ),
    "EndpointConfig": _resource("EndpointConfig"),
    "Endpoint": _resource("Endpoint"),
    "InferenceComponent": _resource("InferenceComponent"),
    "Job": StepType(
        operation="CreateJob",
        filled_in=frozenset({"JobName"}),
        results=("DescribeJobResponse",),
        retries=_ALL_FAULTS,
        caches=True,
    ),
    "Condition": StepType(result_names=("Outcome",), fields=frozenset()),
    "Fail": StepType(
        fields=frozenset({"ErrorMessage"}),
        required=("ErrorMessage",),
    ),
    "Lambda": StepType(
        result_names=("OutputParameters",), step_fields=("FunctionArn",), caches=True
    ),
    "Callback": StepType(
        result_names=("OutputParameters",), step_fields=("SqsQueueUrl",), caches=True
    ),
    "ClarifyCheck": _check("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints"),
    "QualityCheck": _check(
        "CalculatedBaselineConstraints",
        "CalculatedBaselineStatistics",
        "BaselineUsedForDriftCheckConstraints",
        "BaselineUsedForDriftCheckStatistics",
    ),
    "EMR": StepType(
        service="emr",
        results=("Step",),
        fields=frozenset({"StepConfig", "ClusterId", "ClusterConfig", "ExecutionRoleArn"}),
        required=("StepConfig",),
        parts={
            "StepConfig": RequestPart("StepConfig", frozenset({"Name"})),
            "ClusterConfig": RequestPart("RunJobFlowInput", frozenset({"Name"})),
        },
        caches=True,
    ),
    "EMRServerless": StepType(
        service="emr-serverless",
        results=("GetJobRunResponse",),
        fields=frozenset({"ApplicationId", "ApplicationConfig", "ExecutionRoleArn", "JobConfig"}),
        required=("ExecutionRoleArn", "JobConfig"),
        parts={
            "JobConfig": RequestPart(
                "StartJobRunRequest", frozenset({"applicationId", "clientToken"})
            ),
            "ApplicationConfig": RequestPart(
                "CreateApplicationRequest", frozenset({"clientToken"})
            ),
        },
        retries=STEP_FAULTS,
        caches=True,
    ),
    **dict.fromkeys(
        (
            "Athena",
            "BedrockCustomModel",
            "BedrockCustomModelDeployment",
            "BedrockModelImport",
            "BedrockProvisionedModelThroughput",
            "Cleanup",
            "ForEach",
            "HubContent",
            "Lineage",
        ),
        _UNPUBLISHED,
    ),
}
"""Step type to what is known of it (sagemaker 3.27, mlops/workflow; botocore 1.44.5, sagemaker,
PipelineExecutionStepMetadata)."""
