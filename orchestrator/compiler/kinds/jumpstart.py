"""Kind `jumpstart`: a Training step of JumpStart's own image, weights and script.

Before it stands a Processing step, `STEP-data`, whose job converts the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.catalog.jumpstart import DEFAULT_HYPERPARAMETERS, OF_THE_TASK, PROGRAM
from orchestrator.compiler import job
from orchestrator.compiler.kinds.train import input_channel
from orchestrator.compiler.processing_job import processing_step
from orchestrator.compiler.resources import cluster, job_image
from orchestrator.compiler.values import (
    DATA,
    converted_rows,
    execution_prefix,
    field_value,
    location,
)
from orchestrator.definition.model import Step
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.kinds import LOCAL_MODEL
from orchestrator.plan.model import DATA_STEP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep, TrainingArtifacts
    from orchestrator.spec.fields import Scalar
    from orchestrator.spec.jumpstart import JumpstartSpec

INSTANCE_TYPE = "ml.g5.2xlarge"
"""Of a model that is not locked: JumpStart proposes another for each."""
# As `JumpStartEstimator` of the SageMaker SDK lays it out in a job without network.
CODE = "/opt/ml/input/data/code"
_OF_THE_TRAINING = {
    "instance_type": None,
    "instance_count": 1,
    "volume_size_gb": 30,
    "image_uri": None,
}
"""Keys of the spec that are the training's, as the data step has them."""


def compile_jumpstart_data(context: Context, step: PlannedStep, spec: JumpstartSpec) -> Step:
    """Return the Processing step that converts and checks the rows."""
    rows = replace(step, inputs={DATA: step.inputs[DATA]})
    plain = spec.model_copy(update=_OF_THE_TRAINING)
    converting = processing_step(context, rows, plain, outputs=(DATA, "metrics"))
    return replace(converting, name=f"{step.name}{DATA_STEP}")


def compile_jumpstart(context: Context, step: PlannedStep, spec: JumpstartSpec) -> Step:
    """Return the Training step that fine-tunes the model.

    Raises:
        SpecError: If it is to run on AWS, and the model is not locked for the environment's region.
    """
    environment, artifacts = context.environment, step.artifacts
    if not environment.local:
        _refuse_unlocked(context, step)
    proposed = (artifacts and artifacts.instance_type) or INSTANCE_TYPE
    sized = spec.model_copy(update={"instance_type": spec.instance_type or proposed})
    arguments: dict[str, Json] = {
        "AlgorithmSpecification": {
            "TrainingImage": _image(context, step, sized),
            "TrainingInputMode": "File",
        },
        "InputDataConfig": _channels(context, step),
        "OutputDataConfig": {
            "S3OutputPath": execution_prefix(context, step.name),
            "CompressionType": "NONE",
            **job.kms_key(environment),
        },
        "ResourceConfig": cluster(context, step.name, sized),
        "StoppingCondition": {"MaxRuntimeInSeconds": field_value(spec.max_runtime_seconds)},
        "HyperParameters": _hyperparameters(context, spec, artifacts),
        "EnableNetworkIsolation": environment.network_isolation,
        **job.vpc_config(environment),
        **_environment(context, step, spec),
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


def hyperparameter_text(value: Scalar) -> str:
    """Return a hyperparameter as JumpStart's script reads it: `True`, not `true`."""
    return str(value)


def _refuse_unlocked(context: Context, step: PlannedStep) -> None:
    name, region = context.environment.name, context.environment.region
    fix = f"Run: fmo lock FILE --env {name}."
    where = f"steps.{step.name}.model_id"
    if step.artifacts is None:
        what = "what JumpStart trains this model with is not locked"
        raise SpecError(Problem(where, what, fix))
    if step.artifacts.region != region:
        what = f"the model is locked in {step.artifacts.region}, and environment {name!r} is in "
        raise SpecError(Problem(where, f"{what}{region}", fix))


def _image(context: Context, step: PlannedStep, sized: JumpstartSpec) -> Json:
    if step.artifacts and sized.image_uri is None:
        return step.artifacts.image_uri
    return job_image(context, step.name, sized)


def _channels(context: Context, step: PlannedStep) -> list[Json]:
    artifacts, channels = step.artifacts, [input_channel("training", converted_rows(step.name))]
    stands_in = step.inputs.get(LOCAL_MODEL) if context.environment.local else None
    if stands_in is not None:
        channels.append(input_channel("model", location(context, stands_in)))
    elif artifacts:
        channels.append(input_channel("model", artifacts.model_uri))
    if artifacts:
        channels.append(input_channel("code", artifacts.script_uri))
    return channels


def _hyperparameters(
    context: Context, spec: JumpstartSpec, artifacts: TrainingArtifacts | None
) -> dict[str, Json]:
    defaults = artifacts.hyperparameters if artifacts else DEFAULT_HYPERPARAMETERS
    chosen: Mapping[str, bool] = {
        "instruction_tuned": spec.task == "instruction",
        "chat_dataset": spec.task == "chat",
    }
    told = {name: str(chosen[name]) for name in OF_THE_TASK if name in defaults or not artifacts}
    given = {name: hyperparameter_text(value) for name, value in spec.hyperparameters.items()}
    archive = artifacts.script_uri.rpartition("/")[2] if artifacts else "sourcedir.tar.gz"
    values = {
        **defaults,
        **given,
        **told,
        "sagemaker_container_log_level": "20",
        "sagemaker_program": PROGRAM,
        "sagemaker_region": context.environment.region,
        "sagemaker_submit_directory": f"{CODE}/{archive}",
    }
    return {name: values[name] for name in sorted(values)}


def _environment(context: Context, step: PlannedStep, spec: JumpstartSpec) -> dict[str, Json]:
    fixed = dict(step.artifacts.environment) if step.artifacts else {}
    if spec.accept_eula:
        fixed["accept_eula"] = "true"
    whole = spec.model_copy(update={"environment": {**fixed, **spec.environment}})
    return job.environment_variables(context, step, whole)
