"""Images, instances and volume keys of jobs: the spec's choice, or the catalogue's default."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    gpu = instances.has_gpu(_known_instance_type(context, spec))
    name: ImageName = "huggingface-training-gpu" if gpu else "pytorch-training-cpu"
    return catalogue_image(context, step, name)


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


def cluster(context: Context, spec: JobSpec) -> dict[str, Json]:
    """Return the members that say on which instances a job runs, and with which disk."""
    environment = context.environment
    # SageMaker refuses VolumeKmsKeyId where the instance's own NVMe disk is used.
    family = instances.family(_known_instance_type(context, spec))
    encrypted = environment.kms_key_id and family not in instances.LOCAL_STORAGE_FAMILIES
    return {
        "InstanceCount": field_value(spec.instance_count),
        "InstanceType": field_value(_instance_type(spec)),
        "VolumeSizeInGB": field_value(spec.volume_size_gb),
        **({"VolumeKmsKeyId": environment.kms_key_id} if encrypted else {}),
    }


def _instance_type(spec: JobSpec) -> str:
    return spec.instance_type or instances.DEFAULT_INSTANCE_TYPES[spec.kind]


def _known_instance_type(context: Context, spec: JobSpec) -> str:
    """The instance type as far as it is known now: a parameter counts by its default."""
    written = _instance_type(spec)
    if not written.startswith(PARAMETER_PREFIX):
        return written
    parameter = context.plan.parameters[written.removeprefix(PARAMETER_PREFIX)]
    if isinstance(parameter.default, str):
        return parameter.default
    return instances.DEFAULT_INSTANCE_TYPES[spec.kind]
