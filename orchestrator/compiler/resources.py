"""Images, instances and volume keys of jobs: the spec's choice, or the catalogue's default."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from orchestrator.catalog import images, instances
from orchestrator.compiler.kind_facts import job_facts
from orchestrator.compiler.values import PARAMETER_PREFIX, field_value
from orchestrator.errors import Problem, SpecError

if TYPE_CHECKING:
    from orchestrator.catalog.images import ImageName
    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.spec.fields import JobModel


def job_image(context: Context, step: str, spec: JobModel) -> Json:
    """Return the image of a job.

    Raises:
        SpecError: If the catalogue has none for the environment's region.
    """
    if spec.image_uri is not None:
        return spec.image_uri
    kinds = {instances.has_gpu(found) for found in _known_instance_types(context, step, spec)}
    if len(kinds) > 1:
        raise SpecError(_mixed(step, spec, "with and without GPUs, which need different images"))
    job = job_facts(context.steps[step].spec)
    return catalogue_image(context, step, job.gpu_image if True in kinds else job.cpu_image)


def catalogue_image(context: Context, step: str, name: ImageName) -> str:
    """Return the catalogue's image `name` in the environment's region.

    Raises:
        SpecError: If it is not offered there.
    """
    region = context.environment.region
    try:
        return images.image_uri(name, region)
    except LookupError as error:
        known = images.regions(name)
        near = get_close_matches(region, known, 1)
        place = f"Did you mean the region {near[0]!r}?" if near else f"It is in {', '.join(known)}."
        fix = f"{place} Elsewhere, give an image of your own."
        raise SpecError(Problem(f"steps.{step}.image_uri", str(error), fix)) from error


def cluster(context: Context, step: str, spec: JobModel) -> dict[str, Json]:
    """Return the members that say on which instances a job runs, and with which disk.

    Raises:
        SpecError: If the instance type is a parameter that leaves open whether the disk's key fits.
    """
    return {
        **_instances(context, step, spec),
        "VolumeSizeInGB": field_value(spec.volume_size_gb),
        **_volume_key(context, step, spec),
    }


def _volume_key(context: Context, step: str, spec: JobModel) -> dict[str, Json]:
    key = context.environment.kms_key_id
    if key is None:
        return {}
    # SageMaker refuses VolumeKmsKeyId where the instance's own NVMe disk is used.
    families = {instances.family(found) for found in _known_instance_types(context, step, spec)}
    refusing = families & instances.LOCAL_STORAGE_FAMILIES
    if refusing and refusing != families:
        raise SpecError(_mixed(step, spec, "with and without NVMe disks, which take no volume key"))
    return {} if refusing else {"VolumeKmsKeyId": key}


def _instances(context: Context, step: str, spec: JobModel) -> dict[str, Json]:
    count, written = field_value(spec.instance_count), _instance_type(context, step, spec)
    if isinstance(written, str):
        return {"InstanceCount": count, "InstanceType": field_value(written)}
    preferred: list[Json] = [{"InstanceType": one, "InstanceCount": count} for one in written]
    return {"InstancePreferences": preferred}


def _instance_type(context: Context, step: str, spec: JobModel) -> str | tuple[str, ...]:
    return spec.instance_type or job_facts(context.steps[step].spec).instance_type


def _known_instance_types(context: Context, step: str, spec: JobModel) -> tuple[str, ...]:
    """The instance types the job may get, as far as is known now."""
    written = _instance_type(context, step, spec)
    if not isinstance(written, str):
        return written
    if not written.startswith(PARAMETER_PREFIX):
        return (written,)
    parameter = context.plan.parameters[written.removeprefix(PARAMETER_PREFIX)]
    known = parameter.enum or ((parameter.default,) if parameter.default is not None else ())
    return tuple(str(value) for value in known) or (
        job_facts(context.steps[step].spec).instance_type,
    )


def _mixed(step: str, spec: JobModel, what: str) -> Problem:
    where = f"steps.{step}.instance_type"
    if isinstance(spec.instance_type, tuple):
        return Problem(where, f"the list has instances {what}", "List instances of one sort.")
    return Problem(
        where,
        f"the values of {spec.instance_type} are instances {what}",
        "Narrow its enum, or use a parameter for each sort.",
    )
