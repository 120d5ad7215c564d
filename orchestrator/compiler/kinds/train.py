"""Kind `train`: a Training step that runs the script of its objective, or the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler import job
from orchestrator.compiler.resources import cluster, job_image
from orchestrator.compiler.tracking import tensorboard_output
from orchestrator.compiler.values import execution_prefix, field_value, location
from orchestrator.definition.model import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.generate import GenerateSpec
    from orchestrator.spec.train import TrainSpec

CODE = "/opt/ml/input/data/code"
CHECKPOINTS = "/opt/ml/checkpoints"
CHECKPOINTS_OF_ALL_RUNS = "/opt/ml/all-checkpoints"
"""Where a user's script does not look: `launch.py` shows it the folder of its own run only."""
WAIT_FOR_SPOT = 2
"""With spot, waiting and running together may take this many times the longest run."""

_METRICS = ("train/loss", "eval/loss", "eval/accuracy", "tokens_per_second")
_PREFERENCE_METRICS = (
    "train/loss",
    "train/rewards/accuracies",
    "train/rewards/margins",
    "eval/loss",
    "eval/rewards/accuracies",
    "eval/rewards/margins",
    "tokens_per_second",
)
"""Names of trl's DPOTrainer, as trackers show them."""
_KTO_METRICS = (*_PREFERENCE_METRICS, "train/kl", "eval/kl")
_REWARD_METRICS = (*_PREFERENCE_METRICS, "eval/rewards/confidence")
_REINFORCED_METRICS = (
    "train/loss",
    "train/reward",
    "train/reward_std",
    "train/kl",
    "train/entropy",
    "train/completion_length",
    "train/reward_length_correlation",
)
"""What trl's RLOOTrainer and GRPOTrainer tell, and what may show that length is rewarded."""
_METRICS_OF: Mapping[str, Sequence[str]] = {
    "reward": _REWARD_METRICS,
    "dpo": _PREFERENCE_METRICS,
    "kto": _KTO_METRICS,
    "rloo": _REINFORCED_METRICS,
    "grpo": _REINFORCED_METRICS,
}
_NUMBER = r"([-+0-9.eE]+)"


def compile_train(context: Context, step: PlannedStep, spec: TrainSpec) -> Step:
    """Return the Training step that trains a model, by our script or by the user's."""
    if spec.script is None:
        names = _METRICS_OF.get(str(spec.objective), _METRICS)
        return training_step(context, step, spec, in_progress_lines(names))
    metrics = spec.metric_definitions
    return training_step(context, step, spec, metrics, checkpoints=CHECKPOINTS_OF_ALL_RUNS)


def in_progress_lines(names: Sequence[str]) -> dict[str, str]:
    """Return metric to regex: CloudWatch shows what our progress lines say, under the same name."""
    return {name: f"{name}={_NUMBER}" for name in names}


def training_step(
    context: Context,
    step: PlannedStep,
    spec: TrainSpec | GenerateSpec,
    metrics: Mapping[str, str],
    checkpoints: str = CHECKPOINTS,
) -> Step:
    """Return the Training step, which resumes from its checkpoint when tried again.

    Args:
        context: What is being compiled.
        step: The step of the plan.
        spec: Its spec.
        metrics: Name to the regex that finds it in the log.
        checkpoints: Where the job finds what an earlier attempt has left.
    """
    environment = context.environment
    arguments: dict[str, Json] = {
        "AlgorithmSpecification": {
            "TrainingImage": job_image(context, step.name, spec),
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"{CODE}/launch.py"],
            "ContainerArguments": job.container_arguments(context, step),
            **_metric_definitions(metrics),
        },
        "InputDataConfig": [
            input_channel("code", context.code_uris[step.name]),
            *(
                input_channel(name, location(context, step.inputs[name]))
                for name in sorted(step.inputs)
            ),
        ],
        "OutputDataConfig": {
            "S3OutputPath": execution_prefix(context, step.name),
            # Uncompressed: readers take files out of the model without unpacking a tar of it.
            "CompressionType": "NONE",
            **job.kms_key(environment),
        },
        "ResourceConfig": cluster(context, step.name, spec),
        "StoppingCondition": _stopping_condition(spec),
        **job.hyperparameters(context, step),
        "CheckpointConfig": {
            "S3Uri": f"{context.root}/checkpoints/{context.plan.name}/{step.name}",
            "LocalPath": checkpoints,
        },
        **tensorboard_output(context, step.name, spec),
        "EnableManagedSpotTraining": spec.spot,
        "EnableNetworkIsolation": environment.network_isolation,
        **job.vpc_config(environment),
        **job.environment_variables(context, step, spec),
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


def input_channel(name: str, uri: Json) -> Json:
    """Return the request member that downloads a channel before the job starts."""
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


def _metric_definitions(regexes: Mapping[str, str]) -> dict[str, Json]:
    if not regexes:
        return {}
    return {"MetricDefinitions": [{"Name": name, "Regex": regexes[name]} for name in regexes]}


def _stopping_condition(spec: TrainSpec | GenerateSpec) -> Json:
    runtime = field_value(spec.max_runtime_seconds)
    condition: dict[str, Json] = {"MaxRuntimeInSeconds": runtime}
    if spec.spot:
        # It may not be below MaxRuntimeInSeconds; expressions cannot multiply.
        longest = runtime * WAIT_FOR_SPOT if isinstance(runtime, int) else runtime
        condition["MaxWaitTimeInSeconds"] = longest
    return condition
