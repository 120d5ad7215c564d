"""Images, instances and volume keys of jobs: the spec's choice, or the catalogue's default."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from orchestrator.catalog import images, instances
from orchestrator.compiler.values import PARAMETER_PREFIX, field_value
from orchestrator.errors import Problem, SpecError

if TYPE_CHECKING:
    from orchestrator.catalog.images import ImageName
    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.spec.dataset import DatasetSpec
    from orchestrator.spec.evaluate import EvaluateSpec
    from orchestrator.spec.processing import ProcessingSpec
    from orchestrator.spec.train import TrainSpec

    JobSpec = ProcessingSpec | DatasetSpec | TrainSpec | EvaluateSpec


def job_image(context: Context, step: str, spec: JobSpec) -> Json:
    """Return the image of a job.

    Raises:
        SpecError: If the catalogue has none for the environment's region.
    """
    if spec.image_uri is not None:
        return spec.image_uri
    kinds = {instances.has_gpu(found) for found in _known_instance_types(context, spec)}
    if len(kinds) > 1:
        raise SpecError(_mixed(step, spec, "with and without GPUs, which need different images"))
    return catalogue_image(
        context, step, "huggingface-training-gpu" if True in kinds else _cpu_image(spec)
    )


def catalogue_image(context: Context, step: str, name: ImageName) -> str:
    """Return the catalogue's image `name` in the environment's region.

    Raises:
        SpecError: If it is not offered there.
    """
    try:
        return images.image_uri(name, context.environment.region)
    except LookupError as error:
        problem = Problem(f"steps.{step}.image_uri", str(error), "Give an image of your own.")
        raise SpecError(problem) from error


def cluster(context: Context, step: str, spec: JobSpec) -> dict[str, Json]:
    """Return the members that say on which instances a job runs, and with which disk.

    Raises:
        SpecError: If the instance type is a parameter that leaves open whether the disk's key fits.
    """
    return {
        "InstanceCount": field_value(spec.instance_count),
        "InstanceType": field_value(_instance_type(spec)),
        "VolumeSizeInGB": field_value(spec.volume_size_gb),
        **_volume_key(context, step, spec),
    }


def _cpu_image(spec: JobSpec) -> ImageName:
    match spec.kind:
        case "processing" | "dataset":
            return "pytorch-training-cpu"
        case "train" | "evaluate":
            # The Hugging Face training image has no CPU build, and the PyTorch one no transformers.
            # Of the inference image only the entry point serves, and a job brings its own.
            return "huggingface-inference-cpu"
        case _ as unhandled:
            assert_never(unhandled)


def _volume_key(context: Context, step: str, spec: JobSpec) -> dict[str, Json]:
    key = context.environment.kms_key_id
    if key is None:
        return {}
    # SageMaker refuses VolumeKmsKeyId where the instance's own NVMe disk is used.
    families = {instances.family(found) for found in _known_instance_types(context, spec)}
    refusing = families & instances.LOCAL_STORAGE_FAMILIES
    if refusing and refusing != families:
        raise SpecError(_mixed(step, spec, "with and without NVMe disks, which take no volume key"))
    return {} if refusing else {"VolumeKmsKeyId": key}


def _instance_type(spec: JobSpec) -> str:
    return spec.instance_type or instances.DEFAULT_INSTANCE_TYPES[spec.kind]


def _known_instance_types(context: Context, spec: JobSpec) -> tuple[str, ...]:
    """The instance types the job may get, as far as is known now."""
    written = _instance_type(spec)
    if not written.startswith(PARAMETER_PREFIX):
        return (written,)
    parameter = context.plan.parameters[written.removeprefix(PARAMETER_PREFIX)]
    known = parameter.enum or ((parameter.default,) if parameter.default is not None else ())
    return tuple(str(value) for value in known) or (instances.DEFAULT_INSTANCE_TYPES[spec.kind],)


def _mixed(step: str, spec: JobSpec, what: str) -> Problem:
    return Problem(
        f"steps.{step}.instance_type",
        f"the values of {_instance_type(spec)} are instances {what}",
        "Narrow its enum, or use a parameter for each sort.",
    )
