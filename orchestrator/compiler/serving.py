"""How a registered model is put to use: the requests for an endpoint or a batch transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.catalog.instances import LOCAL_STORAGE_FAMILIES, family
from orchestrator.compiler.assets import code_asset
from orchestrator.compiler.job import kms_key, vpc_config
from orchestrator.compiler.serving_container import (
    engine_of,
    handler_code,
    handler_container,
    vllm_container,
)

if TYPE_CHECKING:
    from orchestrator.compiler.assets import Asset
    from orchestrator.compiler.environment import Environment
    from orchestrator.compiler.serving_container import Engine, Hosting
    from orchestrator.definition.json import Json
    from orchestrator.results.registered import RegisteredModel

# The vLLM image has CUDA 12.9 or newer, which the driver of the default AMI does not run
# (AWS Deep Learning Containers, vLLM on SageMaker).
VLLM_AMI = "al2-ami-sagemaker-inference-gpu-3-1"
DEFAULT_INSTANCE = "ml.g5.xlarge"
DOWNLOAD_SECONDS = 3600
START_SECONDS = 1800
INVOCATION_SECONDS = 600
LONGEST_NAME = 63
"""Of a model and an endpoint (CreateModel, CreateEndpoint)."""


@dataclass(frozen=True)
class Recipe:
    """Requests to send in this order, and the code that must lie in the bucket before."""

    engine: Engine
    requests: Mapping[str, Mapping[str, Json]]
    """Operation of SageMaker to its request."""
    code: Asset | None


def endpoint_recipe(model: RegisteredModel, environment: Environment, hosting: Hosting) -> Recipe:
    """Return how to serve `model` from an endpoint.

    Raises:
        InputError: If the package does not say what is needed, or nothing serves it so.
    """
    recipe = _model_recipe(model, environment, hosting)
    name, instance_type = name_of(model), instance_of(model, hosting)
    variant: dict[str, Json] = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": instance_type,
        "ModelDataDownloadTimeoutInSeconds": DOWNLOAD_SECONDS,
        "ContainerStartupHealthCheckTimeoutInSeconds": START_SECONDS,
        **({"InferenceAmiVersion": VLLM_AMI} if recipe.engine == "vllm" else {}),
    }
    config: dict[str, Json] = {
        "EndpointConfigName": name,
        "ProductionVariants": [variant],
        **_volume_key(environment, instance_type, "KmsKeyId"),
        **_tags(model, environment),
    }
    endpoint: dict[str, Json] = {
        "EndpointName": model.group,
        "EndpointConfigName": name,
        **_tags(model, environment),
    }
    requests = {**recipe.requests, "CreateEndpointConfig": config, "CreateEndpoint": endpoint}
    return Recipe(recipe.engine, requests, recipe.code)


def transform_recipe(
    model: RegisteredModel, environment: Environment, hosting: Hosting, places: tuple[str, str]
) -> Recipe:
    """Return how to answer all requests in a folder of S3, one JSON object a line.

    Args:
        model: What answers.
        environment: Where.
        hosting: What a person chose.
        places: S3 URIs of the requests and of the answers.

    Raises:
        InputError: If the package does not say what is needed, or nothing serves it so.
    """
    recipe = _model_recipe(model, environment, hosting)
    name, instance_type = name_of(model), instance_of(model, hosting)
    source, target = places
    transform: dict[str, Json] = {
        "TransformJobName": name,
        "ModelName": name,
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": INVOCATION_SECONDS,
            "InvocationsMaxRetries": 1,
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "ContentType": "application/json",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": target,
            "Accept": "application/json",
            "AssembleWith": "Line",
            **kms_key(environment),
        },
        "TransformResources": {
            "InstanceType": instance_type,
            "InstanceCount": 1,
            **_volume_key(environment, instance_type, "VolumeKmsKeyId"),
        },
        **_tags(model, environment),
    }
    return Recipe(recipe.engine, {**recipe.requests, "CreateTransformJob": transform}, recipe.code)


def _model_recipe(model: RegisteredModel, environment: Environment, hosting: Hosting) -> Recipe:
    instance_type = instance_of(model, hosting)
    engine = engine_of(model, instance_type, hosting)
    code = code_asset(environment.bucket, handler_code()) if engine == "handler" else None
    container = (
        handler_container(model, environment, hosting, instance_type, code)
        if code
        else vllm_container(model, environment, hosting)
    )
    request: dict[str, Json] = {
        "ModelName": name_of(model),
        "PrimaryContainer": container,
        "ExecutionRoleArn": environment.role_arn,
        "EnableNetworkIsolation": environment.network_isolation,
        **vpc_config(environment),
        **_tags(model, environment),
    }
    return Recipe(engine, {"CreateModel": request}, code)


def name_of(model: RegisteredModel) -> str:
    """Return what the version's model, endpoint configuration and transform job are called."""
    ending = f"-{model.version}"
    return f"{model.group[: LONGEST_NAME - len(ending)].rstrip('-')}{ending}"


def instance_of(model: RegisteredModel, hosting: Hosting) -> str:
    """Return the instance that was chosen, else the first that the package names."""
    specification = model.package.get("InferenceSpecification")
    named = (
        specification.get("SupportedRealtimeInferenceInstanceTypes")
        if isinstance(specification, Mapping)
        else None
    )
    first = str(named[0]) if isinstance(named, list | tuple) and named else DEFAULT_INSTANCE
    return hosting.instance_type or first


def _volume_key(environment: Environment, instance_type: str, member: str) -> dict[str, Json]:
    # SageMaker refuses a key for the volume where the instance's own NVMe disk is used.
    return {} if family(instance_type) in LOCAL_STORAGE_FAMILIES else kms_key(environment, member)


def _tags(model: RegisteredModel, environment: Environment) -> dict[str, Json]:
    """The environment's tags, and the version: what runs can be traced to what was approved."""
    tags = {**environment.tags, "fmo:model-package": model.arn}
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}
