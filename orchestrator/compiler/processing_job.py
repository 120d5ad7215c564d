"""A Processing step: what `processing`, `dataset` and `evaluate` all become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler import job
from orchestrator.compiler.resources import cluster, job_image
from orchestrator.compiler.values import METRICS, execution_prefix, field_value, location
from orchestrator.definition.model import PropertyFile, Step
from orchestrator.plan.registry import APPROVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.fields import JobModel

PROPERTY_FILES = (METRICS, APPROVED)
"""Outputs with a file of their name that later steps read values from."""
ROOT = "/opt/ml/processing"
"""Inputs and outputs of a Processing job must lie below it."""


def processing_step(
    context: Context,
    step: PlannedStep,
    spec: JobModel,
    outputs: Sequence[str],
) -> Step:
    """Return the step that runs the script of `step` and uploads `outputs` when it ends."""
    arguments: dict[str, Json] = {
        "AppSpecification": {
            "ImageUri": job_image(context, step.name, spec),
            "ContainerEntrypoint": ["python3", f"{ROOT}/input/code/launch.py"],
            "ContainerArguments": job.container_arguments(context, step),
        },
        "ProcessingInputs": [
            job_input("code", context.code_uris[step.name]),
            *(
                job_input(name, location(context, step.inputs[name]))
                for name in sorted(step.inputs)
            ),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [_output(context, step.name, name) for name in outputs],
            **job.kms_key(context.environment),
        },
        "ProcessingResources": {"ClusterConfig": cluster(context, step.name, spec)},
        "StoppingCondition": {"MaxRuntimeInSeconds": field_value(spec.max_runtime_seconds)},
        **job.environment_variables(context, step, spec),
        **_network(context),
        "RoleArn": context.environment.role_arn,
        **job.tags(context.environment),
    }
    files = tuple(
        PropertyFile(name, name, f"{name}.json") for name in outputs if name in PROPERTY_FILES
    )
    return Step(
        name=step.name,
        type="Processing",
        arguments=arguments,
        description=job.description(spec),
        depends_on=job.explicit_dependencies(context, step),
        retry_policies=job.job_retries(spec),
        cache=job.cache(context, step),
        property_files=files,
    )


def job_input(name: str, uri: Json) -> Json:
    """Return the request member that downloads an input before the job starts."""
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{ROOT}/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _output(context: Context, step: str, name: str) -> Json:
    return job_output(name, execution_prefix(context, step, name))


def job_output(name: str, uri: Json) -> Json:
    """Return the request member that uploads an output when the job ends."""
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"{ROOT}/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def _network(context: Context) -> dict[str, Json]:
    vpc = job.vpc_config(context.environment)
    if not vpc and not context.environment.network_isolation:
        return {}
    return {
        "NetworkConfig": {
            "EnableNetworkIsolation": context.environment.network_isolation,
            **vpc,
        }
    }
