"""The container that serves a registered model: its image, weights and settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from orchestrator.catalog.images import image_uri
from orchestrator.catalog.instances import has_gpu
from orchestrator.catalog.methods import NEVER_MERGED
from orchestrator.compiler.imports import import_closure
from orchestrator.compiler.sources import TRAINING_SCRIPTS
from orchestrator.errors import InputError, Problem
from orchestrator.results.registered import ADAPTER, BASE_MODEL, BESIDE, LORA_RANK, METHOD

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.catalog.images import ImageName
    from orchestrator.compiler.assets import Asset
    from orchestrator.compiler.environment import Environment
    from orchestrator.definition.json import Json
    from orchestrator.results.registered import RegisteredModel

Engine: TypeAlias = Literal["vllm", "handler"]
"""What answers: vLLM, or `training_scripts/inference.py` in the Hugging Face image."""

MODEL_FOLDER = "/opt/ml/model"
MORE_FOLDERS = "/opt/ml/additional-model-data-sources"
"""Below it each of `AdditionalModelDataSources` lies under its name (ContainerDefinition)."""
HANDLER = "inference.py"
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` of vLLM may be."""


@dataclass(frozen=True)
class Hosting:
    """What a person chose."""

    instance_type: str | None = None
    """None is the first that the package names."""
    engine: Engine | None = None
    """None is vLLM, where it can serve the model."""
    base_model: str | None = None
    """Where the model under an adapter is; None is where the package says."""


def hosting_of(instance_type: str | None, engine: str | None, base_model: str | None) -> Hosting:
    """Return what a command line says."""
    match engine:
        case None | "vllm" | "handler":
            return Hosting(instance_type, engine, base_model)
    what = f"there is no engine {engine!r}"
    raise InputError(Problem("--engine", what, "Write vllm or handler."))


def engine_of(model: RegisteredModel, instance_type: str, hosting: Hosting) -> Engine:
    """Return what is to serve `model`.

    Raises:
        InputError: If a person chose what cannot.
    """
    method = model.property(METHOD)
    readable = method == ADAPTER or not needs_base(model)
    can = readable and has_gpu(instance_type)
    if hosting.engine != "vllm" or can:
        return hosting.engine or ("vllm" if can else "handler")
    what = f"vLLM needs a GPU, and {instance_type} has none"
    if not readable:
        what = f"vLLM cannot read a model tuned by {method}"
    raise InputError(Problem("--engine", what, "Write --engine handler."))


def needs_base(model: RegisteredModel) -> bool:
    """Return whether the package holds only what was trained beside a model."""
    method = model.property(METHOD) or ""
    return method.endswith(BESIDE) or method in NEVER_MERGED


def handler_code(library: Path = TRAINING_SCRIPTS) -> Mapping[str, bytes]:
    """Return the files of the handler, by path: `inference.py` and what it imports."""

    def read(path: str) -> bytes | None:
        package, _, rest = path.partition("/")
        file = library / (path if path == HANDLER else rest)
        known = path == HANDLER or package == library.name
        return file.read_bytes() if known and file.is_file() else None

    return import_closure([HANDLER], read)


def vllm_container(
    model: RegisteredModel, environment: Environment, hosting: Hosting
) -> dict[str, Json]:
    """Return vLLM with the model, or with the base model and the adapter to it.

    Raises:
        InputError: If an adapter's package does not say what it belongs to.
    """
    image = _image("vllm-gpu", environment)
    variables: dict[str, Json] = {
        "SM_VLLM_MODEL": MODEL_FOLDER,
        "SM_VLLM_SERVED_MODEL_NAME": model.group,
    }
    if model.property(METHOD) != ADAPTER:
        return {
            "Image": image,
            "ModelDataSource": {"S3DataSource": _weights(model)},
            "Environment": variables,
        }
    base = _base(model, hosting)
    adapter = {"name": f"{model.group}-{model.version}", "path": f"{MORE_FOLDERS}/adapter"}
    variables |= {
        "SM_VLLM_ENABLE_LORA": "true",
        "SM_VLLM_MAX_LORA_RANK": str(_rank(model)),
        "SM_VLLM_LORA_MODULES": json.dumps(adapter),
    }
    return {
        "Image": image,
        "ModelDataSource": {"S3DataSource": _folder(base)},
        "AdditionalModelDataSources": [{"ChannelName": "adapter", "S3DataSource": _weights(model)}],
        "Environment": variables,
    }


def handler_container(
    model: RegisteredModel,
    environment: Environment,
    hosting: Hosting,
    instance_type: str,
    code: Asset,
) -> dict[str, Json]:
    """Return the Hugging Face image with the model and our handler.

    Raises:
        InputError: If an adapter's package does not say what it belongs to.
    """
    gpu = has_gpu(instance_type)
    more = {"code": code.uri}
    variables: dict[str, Json] = {
        "SAGEMAKER_PROGRAM": HANDLER,
        "PYTHONPATH": f"{MORE_FOLDERS}/code",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
    }
    if needs_base(model):
        more["base"] = _base(model, hosting)
        variables["FMO_BASE_MODEL"] = f"{MORE_FOLDERS}/base"
    return {
        "Image": _image(
            "huggingface-inference-gpu" if gpu else "huggingface-inference-cpu", environment
        ),
        "ModelDataSource": {"S3DataSource": _weights(model)},
        "AdditionalModelDataSources": [
            {"ChannelName": name, "S3DataSource": _folder(more[name])} for name in sorted(more)
        ],
        "Environment": variables,
    }


def _weights(model: RegisteredModel) -> dict[str, Json]:
    """The package's own data source, whatever its form is."""
    specification = model.package.get("InferenceSpecification")
    containers = specification.get("Containers") if isinstance(specification, Mapping) else None
    container = containers[0] if isinstance(containers, list | tuple) and containers else None
    source = container.get("ModelDataSource") if isinstance(container, Mapping) else None
    sources = source.get("S3DataSource") if isinstance(source, Mapping) else None
    if isinstance(sources, Mapping):
        return dict(sources)
    what = "its package names no folder of weights"
    fix = "Register the model with a step of kind `register`."
    raise InputError(Problem(model.name, what, fix))


def _base(model: RegisteredModel, hosting: Hosting) -> str:
    base = hosting.base_model or model.property(BASE_MODEL)
    if base is None:
        what = "it is an adapter, and its package does not say to which model"
        raise InputError(Problem(model.name, what, "Write --base-model s3://BUCKET/FOLDER/."))
    return base


def _folder(uri: str) -> dict[str, Json]:
    return {"S3Uri": f"{uri.rstrip('/')}/", "S3DataType": "S3Prefix", "CompressionType": "None"}


def _rank(model: RegisteredModel) -> int:
    """The least that vLLM can be told and that holds the adapter's own."""
    written = model.property(LORA_RANK) or ""
    own = int(written) if written.isdecimal() else 64
    return next((rank for rank in RANKS if rank >= own), RANKS[-1])


def _image(name: ImageName, environment: Environment) -> str:
    try:
        return image_uri(name, environment.region)
    except LookupError as error:
        raise InputError(Problem("--env", str(error), "Use another region.")) from error
