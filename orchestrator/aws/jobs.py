"""The jobs that steps start: how far they are, what they measured and where they write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.aws.clients import Aws, Response


@dataclass(frozen=True)
class Job:
    """One job."""

    arn: str
    state: str
    """The finest that the service tells, such as `Downloading` or `Training`."""
    log_group: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Output name to its `s3://` URI."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each that was found in the log."""

    @property
    def name(self) -> str:
        """What its log streams begin with."""
        return self.arn.rpartition("/")[2]


def job_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the ARN of the job that a step's metadata name; None if it starts none of ours."""
    for kind in ("TrainingJob", "ProcessingJob"):
        if kind in metadata:
            return str(metadata[kind]["Arn"])
    return None


def describe_job(arn: str, aws: Aws) -> Job:
    """Return a training or processing job by its ARN."""
    name = arn.rpartition("/")[2]
    if ":training-job/" in arn:
        answer = aws.call("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
        return _training(arn, answer)
    answer = aws.call("sagemaker", "DescribeProcessingJob", ProcessingJobName=name)
    outputs = answer.get("ProcessingOutputConfig", {}).get("Outputs", ())
    return Job(
        arn=arn,
        state=answer["ProcessingJobStatus"],
        log_group="/aws/sagemaker/ProcessingJobs",
        outputs={
            one["OutputName"]: one["S3Output"]["S3Uri"] for one in outputs if "S3Output" in one
        },
    )


def _training(arn: str, answer: Response) -> Job:
    model = answer.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    return Job(
        arn=arn,
        state=answer["SecondaryStatus"],
        log_group="/aws/sagemaker/TrainingJobs",
        outputs={"model": model} if model else {},
        metrics={one["MetricName"]: one["Value"] for one in answer.get("FinalMetricDataList", ())},
    )
