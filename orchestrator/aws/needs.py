"""What a definition needs of an account: instances, images, data. Read from the JSON alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.definition.model import walk
from orchestrator.definition.parameter_values import parameter_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition, Step

PARAMETER = "Parameters."
USES = {"Training": "training job usage", "Transform": "transform job usage"}
"""Type of a step to how Service Quotas calls its instances; jobs of the others are Processing."""
SPOT = "spot training job usage"
PROCESSING = "processing job usage"
RESOURCES = ("ResourceConfig", "ProcessingResources", "TransformResources")


@dataclass(frozen=True)
class Instances:
    """The machines of one job."""

    step: str
    types: tuple[str, ...]
    """One of them is used; more than one are `InstancePreferences`."""
    count: int
    use: str
    """As Service Quotas calls it, such as `spot training job usage`."""


@dataclass(frozen=True)
class Needs:
    """What must be there before the first job starts."""

    step_types: frozenset[str]
    instances: tuple[Instances, ...]
    images: Mapping[str, str]
    """Image to the first step that runs it."""
    data: Mapping[str, str]
    """`s3://` URI that a step reads as it stands to `STEP.CHANNEL`."""
    spot_without_checkpoints: tuple[str, ...]


def needs_of(definition: Definition, given: Mapping[str, Json]) -> Needs:
    """Return what `definition` needs when it is started with the parameters `given`."""
    # A parameter without a value is not known yet, and so is what it decides.
    known = [one for one in definition.parameters if given.get(one.name, one.default) is not None]
    values = parameter_values(known, given)
    steps = [found.step for found in walk(definition.steps)]
    images: dict[str, str] = {}
    data: dict[str, str] = {}
    for step in steps:
        for image in _images(step, values):
            images.setdefault(image, step.name)
        for channel, uri in _inputs(step, values):
            data.setdefault(uri, f"{step.name}.{channel}")
    return Needs(
        frozenset(step.type for step in steps),
        tuple(one for step in steps if (one := _instances(step, values)) is not None),
        images,
        data,
        tuple(step.name for step in steps if _is_spot(step) and not _has_checkpoints(step)),
    )


def _instances(step: Step, values: Mapping[str, Json]) -> Instances | None:
    found = next((step.arguments[name] for name in RESOURCES if name in step.arguments), None)
    resources = _object(found)
    cluster = _object(resources.get("ClusterConfig")) or resources
    preferred = [_object(one) for one in _list(cluster.get("InstancePreferences"))]
    wanted = [one.get("InstanceType") for one in preferred] or [cluster.get("InstanceType")]
    types = tuple(found for one in wanted if isinstance(found := _value(one, values), str))
    counts = [_value(one.get("InstanceCount", 1), values) for one in (*preferred, cluster)]
    count = max((one for one in counts if isinstance(one, int)), default=1)
    use = SPOT if _is_spot(step) else USES.get(step.type, PROCESSING)
    return Instances(step.name, types, count, use) if types else None


def _images(step: Step, values: Mapping[str, Json]) -> Iterator[str]:
    for block, member in (
        ("AlgorithmSpecification", "TrainingImage"),
        ("AppSpecification", "ImageUri"),
    ):
        image = _value(_object(step.arguments.get(block)).get(member), values)
        if isinstance(image, str):
            yield image


def _inputs(step: Step, values: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield channel and URI of what a job reads, but for what another step makes."""
    for one in map(_object, _list(step.arguments.get("InputDataConfig"))):
        source = _object(_object(one.get("DataSource")).get("S3DataSource"))
        yield from _literal(one.get("ChannelName"), _value(source.get("S3Uri"), values))
    for one in map(_object, _list(step.arguments.get("ProcessingInputs"))):
        source = _object(one.get("S3Input"))
        yield from _literal(one.get("InputName"), _value(source.get("S3Uri"), values))


def _literal(channel: Json, uri: Json) -> Iterator[tuple[str, str]]:
    if isinstance(uri, str) and uri.startswith("s3://"):
        yield str(channel), uri


def _is_spot(step: Step) -> bool:
    return step.arguments.get("EnableManagedSpotTraining") is True


def _has_checkpoints(step: Step) -> bool:
    return "S3Uri" in _object(step.arguments.get("CheckpointConfig"))


def _value(value: Json, values: Mapping[str, Json]) -> Json:
    """Return a literal, or the value of the parameter that an expression names."""
    name = str(_object(value).get("Get", ""))
    return values.get(name.removeprefix(PARAMETER)) if name.startswith(PARAMETER) else value


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()
