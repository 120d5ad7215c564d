"""Kind `train`: a Training step that runs `pretrain.py` or `sft.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler import job
from orchestrator.compiler.resources import cluster, job_image
from orchestrator.compiler.tracking import tensorboard_output
from orchestrator.compiler.values import execution_prefix, field_value, location
from orchestrator.definition.model import Step

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.train import TrainSpec

CODE = "/opt/ml/input/data/code"
WAIT_FOR_SPOT = 2
"""With spot, waiting and running together may take this many times the longest run."""

_METRICS = ("train/loss", "eval/loss", "eval/accuracy", "tokens_per_second")
_NUMBER = r"([-+0-9.eE]+)"


def compile_train(context: Context, step: PlannedStep, spec: TrainSpec) -> Step:
    """Return the Training step, which resumes from its checkpoint when tried again."""
    environment = context.environment
    arguments: dict[str, Json] = {
        "AlgorithmSpecification": {
            "TrainingImage": job_image(context, step.name, spec),
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"{CODE}/launch.py"],
            "ContainerArguments": job.container_arguments(context, step),
            "MetricDefinitions": [_metric_definition(name) for name in _METRICS],
        },
        "InputDataConfig": [
            _channel("code", context.code_uris[step.name]),
            *(_channel(name, location(context, step.inputs[name])) for name in sorted(step.inputs)),
        ],
        "OutputDataConfig": {
            "S3OutputPath": execution_prefix(context, step.name),
            # Uncompressed: readers take files out of the model without unpacking a tar of it.
            "CompressionType": "NONE",
            **job.kms_key(environment),
        },
        "ResourceConfig": cluster(context, step.name, spec),
        "StoppingCondition": _stopping_condition(spec),
        "CheckpointConfig": {
            "S3Uri": f"{context.root}/checkpoints/{context.plan.name}/{step.name}",
            "LocalPath": "/opt/ml/checkpoints",
        },
        **tensorboard_output(context, step.name, spec),
        "EnableManagedSpotTraining": spec.spot,
        "EnableNetworkIsolation": environment.network_isolation,
        **job.vpc_config(environment),
        **job.environment_variables(spec),
        "RoleArn": environment.role_arn,
        **job.tags(environment),
    }
    return Step(
        name=step.name,
        type="Training",
        arguments=arguments,
        description=job.description(spec),
        depends_on=job.explicit_dependencies(context, step),
        retry_policies=job.job_retries(spec),
        cache=job.cache(context, step),
    )


def _channel(name: str, uri: Json) -> Json:
    return {
        "ChannelName": name,
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def _metric_definition(name: str) -> Json:
    # Of the progress line; CloudWatch shows the metric under the same name.
    return {"Name": name, "Regex": f"{name}={_NUMBER}"}


def _stopping_condition(spec: TrainSpec) -> Json:
    runtime = field_value(spec.max_runtime_seconds)
    condition: dict[str, Json] = {"MaxRuntimeInSeconds": runtime}
    if spec.spot:
        # It may not be below MaxRuntimeInSeconds; expressions cannot multiply.
        longest = runtime * WAIT_FOR_SPOT if isinstance(runtime, int) else runtime
        condition["MaxWaitTimeInSeconds"] = longest
    return condition
