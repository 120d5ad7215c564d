"""A Processing or Training request, its expressions evaluated, as one plan for a job here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.catalog.jumpstart import PROGRAM
from orchestrator.definition.json import type_name
from orchestrator.errors import DefinitionError, Problem
from orchestrator.local.process import NO_LIMIT_SECONDS

if TYPE_CHECKING:
    from orchestrator.definition.json import Json

ML_ROOT = "/opt/ml"
LIBRARY = Path(__file__).parents[2]
"""Where `training_scripts` lies, in a checkout as in an installation."""
JUMPSTART_BUCKETS = ("s3://jumpstart-cache-", "s3://jumpstart-private-cache-")
JUMPSTART_COMMAND = ("python3", "-P", "-m", "training_scripts.jumpstart_stand_in")


@dataclass(frozen=True)
class Channel:
    """What a job gets before it starts."""

    name: str
    uri: str
    path: str
    """Relative to /opt/ml."""


@dataclass(frozen=True)
class JobOutput:
    """What is kept of what a job wrote."""

    name: str
    path: str
    """Relative to /opt/ml."""
    uri: str
    """The folder it goes to, or the `.tar.gz` object."""
    optional: bool = False
    """Nothing is stored if the job left it empty."""

    @property
    def is_archive(self) -> bool:
        """Whether the folder becomes one compressed object."""
        return self.uri.endswith(".tar.gz")


@dataclass(frozen=True)
class JobPlan:
    """A job of either contract."""

    job_name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    channels: tuple[Channel, ...]
    outputs: tuple[JobOutput, ...]
    config_files: Mapping[str, Json]
    """Path relative to /opt/ml to what stands there."""
    failure_file: str
    """Where the job may say why it failed, relative to /opt/ml."""
    properties: Mapping[str, Json]
    """What `Steps.NAME...` reads once it succeeded: the answer of Describe...Job."""
    limit_seconds: float = NO_LIMIT_SECONDS
    checkpoint_uri: str | None = None
    checkpoint_path: str = "checkpoints"
    live_outputs: tuple[JobOutput, ...] = ()
    """What appears in the store while the job writes it."""
    folders: tuple[str, ...] = field(default=())
    """Made before the job starts, relative to /opt/ml."""
    metric_definitions: Mapping[str, str] = field(default_factory=dict)
    """Metric name to the regex that finds it in the log."""


def processing_plan(job_name: str, request: Mapping[str, Json]) -> JobPlan:
    """Return the plan of a CreateProcessingJob request."""
    application = _object(request, "AppSpecification")
    outputs = tuple(
        JobOutput(
            _text(item, "OutputName"),
            relative_to_ml(_text(_object(item, "S3Output"), "LocalPath")),
            _text(_object(item, "S3Output"), "S3Uri"),
        )
        for item in _objects(_object(request, "ProcessingOutputConfig"), "Outputs")
    )
    resources = {"current_host": "algo-1", "hosts": ["algo-1"]}
    return JobPlan(
        job_name=job_name,
        command=(
            *_texts(application, "ContainerEntrypoint"),
            *_texts(application, "ContainerArguments"),
        ),
        environment={**_strings(request, "Environment"), "PROCESSING_JOB_NAME": job_name},
        channels=tuple(
            Channel(
                _text(item, "InputName"),
                _text(_object(item, "S3Input"), "S3Uri"),
                relative_to_ml(_text(_object(item, "S3Input"), "LocalPath")),
            )
            for item in _objects(request, "ProcessingInputs")
        ),
        outputs=outputs,
        config_files={
            "config/processingjobconfig.json": {"ProcessingJobName": job_name, **request},
            "config/resourceconfig.json": resources,
        },
        failure_file="output/message",
        properties={**request, "ProcessingJobName": job_name, "ProcessingJobStatus": "Completed"},
        limit_seconds=_limit(request),
        folders=(*(output.path for output in outputs), "output"),
    )


def training_plan(job_name: str, request: Mapping[str, Json]) -> JobPlan:
    """Return the plan of a CreateTrainingJob request."""
    algorithm = _object(request, "AlgorithmSpecification")
    hyperparameters = _strings(request, "HyperParameters")
    jumpstart = is_jumpstart(request)
    channels = tuple(
        Channel(
            _text(item, "ChannelName"),
            _text(_object(_object(item, "DataSource"), "S3DataSource"), "S3Uri"),
            f"input/data/{_text(item, 'ChannelName')}",
        )
        for item in _objects(request, "InputDataConfig")
    )
    if jumpstart:  # Weights and script are Amazon's: a stand-in makes do without them.
        channels = tuple(one for one in channels if not one.uri.startswith(JUMPSTART_BUCKETS))
    outputs = _training_outputs(job_name, _object(request, "OutputDataConfig"))
    checkpoints = _object(request, "CheckpointConfig")
    return JobPlan(
        job_name=job_name,
        command=(
            *(JUMPSTART_COMMAND if jumpstart else _texts(algorithm, "ContainerEntrypoint")),
            *_texts(algorithm, "ContainerArguments"),
        ),
        environment={
            **_training_environment(channels, hyperparameters),
            **_strings(request, "Environment"),
            **({"PYTHONPATH": str(LIBRARY)} if jumpstart else {}),
            "TRAINING_JOB_NAME": job_name,
        },
        channels=channels,
        outputs=outputs,
        config_files={
            "input/config/hyperparameters.json": hyperparameters,
            "input/config/inputdataconfig.json": _input_data_config(request),
            "input/config/resourceconfig.json": _resource_config(request),
        },
        failure_file="output/failure",
        properties={
            **request,
            "TrainingJobName": job_name,
            "TrainingJobStatus": "Completed",
            "ModelArtifacts": {"S3ModelArtifacts": outputs[0].uri},
        },
        limit_seconds=_limit(request),
        checkpoint_uri=_text(checkpoints, "S3Uri") if checkpoints else None,
        checkpoint_path=relative_to_ml(str(checkpoints.get("LocalPath", "/opt/ml/checkpoints"))),
        live_outputs=_tensorboard_output(job_name, _object(request, "TensorBoardOutputConfig")),
        folders=("model", "output/data", "input/data"),
        metric_definitions={
            _text(item, "Name"): _text(item, "Regex")
            for item in _objects(algorithm, "MetricDefinitions")
        },
    )


def is_jumpstart(request: Mapping[str, Json]) -> bool:
    """Return whether a CreateTrainingJob request runs JumpStart's own script, by its image."""
    started = _object(request, "AlgorithmSpecification").get("ContainerEntrypoint")
    return not started and _object(request, "HyperParameters").get("sagemaker_program") == PROGRAM


def job_plan(step_type: str, job_name: str, request: Mapping[str, Json]) -> JobPlan:
    """Return the plan of a Processing or Training step's request."""
    build = training_plan if step_type == "Training" else processing_plan
    return build(job_name, request)


def relative_to_ml(path: str) -> str:
    """Return `path` relative to /opt/ml.

    Raises:
        DefinitionError: If it lies elsewhere.
    """
    relative = path.removeprefix(ML_ROOT).strip("/")
    if (path != ML_ROOT and not path.startswith(f"{ML_ROOT}/")) or ".." in relative.split("/"):
        problem = Problem(f"path {path!r}", "it does not lie under /opt/ml", f"Use {ML_ROOT}/....")
        raise DefinitionError(problem)
    return relative


def _training_outputs(job_name: str, config: Mapping[str, Json]) -> tuple[JobOutput, ...]:
    base = f"{_text(config, 'S3OutputPath').rstrip('/')}/{job_name}/output"
    if config.get("CompressionType") == "NONE":
        return (
            JobOutput("model", "model", f"{base}/model/"),
            JobOutput("data", "output/data", f"{base}/data/", optional=True),
        )
    return (
        JobOutput("model", "model", f"{base}/model.tar.gz"),
        JobOutput("data", "output/data", f"{base}/output.tar.gz", optional=True),
    )


def _tensorboard_output(job_name: str, config: Mapping[str, Json]) -> tuple[JobOutput, ...]:
    if not config:
        return ()
    path = relative_to_ml(str(config.get("LocalPath") or "/opt/ml/output/tensorboard"))
    # As the SageMaker SDK 2 names it: estimator.py, latest_job_tensorboard_artifacts_path.
    base = f"{_text(config, 'S3OutputPath').rstrip('/')}/{job_name}/tensorboard-output"
    return (JobOutput("tensorboard", path, f"{base}/", optional=True),)


def _training_environment(
    channels: Sequence[Channel], hyperparameters: Mapping[str, str]
) -> dict[str, str]:
    found = {
        f"SM_CHANNEL_{channel.name.upper().replace('-', '_')}": f"{ML_ROOT}/{channel.path}"
        for channel in channels
    }
    names = {
        f"SM_HP_{name.upper().replace('-', '_')}": value for name, value in hyperparameters.items()
    }
    return {
        **found,
        **names,
        "SM_MODEL_DIR": f"{ML_ROOT}/model",
        "SM_OUTPUT_DATA_DIR": f"{ML_ROOT}/output/data",
        "SM_CURRENT_HOST": "algo-1",
    }


def _input_data_config(request: Mapping[str, Json]) -> dict[str, Json]:
    return {
        _text(item, "ChannelName"): {
            "TrainingInputMode": item.get("InputMode", "File"),
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            "ContentType": item.get("ContentType", ""),
        }
        for item in _objects(request, "InputDataConfig")
    }


def _resource_config(request: Mapping[str, Json]) -> dict[str, Json]:
    resources = _object(request, "ResourceConfig")
    preferred = _objects(resources, "InstancePreferences")
    kind = (preferred[0] if preferred else resources).get("InstanceType", "local")
    group: Json = {"instance_group_name": "group", "instance_type": kind, "hosts": ["algo-1"]}
    return {
        "current_host": "algo-1",
        "current_instance_type": kind,
        "current_group_name": "group",
        "hosts": ["algo-1"],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def _limit(request: Mapping[str, Json]) -> float:
    seconds = _object(request, "StoppingCondition").get("MaxRuntimeInSeconds")
    if isinstance(seconds, str):
        return float(seconds) if seconds.isdecimal() else NO_LIMIT_SECONDS
    return float(seconds) if isinstance(seconds, int | float) else NO_LIMIT_SECONDS


def _object(value: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = value.get(name)
    if found is None:
        return {}
    if isinstance(found, Mapping):
        return found
    raise _wrong(name, "an object", found)


def _objects(value: Mapping[str, Json], name: str) -> list[Mapping[str, Json]]:
    found = value.get(name) or []
    if isinstance(found, list | tuple) and all(isinstance(item, Mapping) for item in found):
        return [item for item in found if isinstance(item, Mapping)]
    raise _wrong(name, "a list of objects", found)


def _text(value: Mapping[str, Json], name: str) -> str:
    found = value.get(name)
    if isinstance(found, str):
        return found
    raise _wrong(name, "text", found)


def _texts(value: Mapping[str, Json], name: str) -> list[str]:
    found = value.get(name) or []
    if isinstance(found, list | tuple) and all(isinstance(item, str) for item in found):
        return [str(item) for item in found]
    raise _wrong(name, "a list of texts", found)


def _strings(value: Mapping[str, Json], name: str) -> dict[str, str]:
    found = _object(value, name)
    if all(isinstance(item, str) for item in found.values()):
        return {key: str(item) for key, item in found.items()}
    raise _wrong(name, "an object of texts", found)


def _wrong(name: str, wanted: str, found: Json) -> DefinitionError:
    return DefinitionError(Problem(name, f"expected {wanted}, found {type_name(found)} {found!r}"))
