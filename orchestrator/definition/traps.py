"""Requests that fit their shape and are refused all the same. Sources: docs/aws-behaviour.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from orchestrator.catalog.instances import LOCAL_STORAGE_FAMILIES, family
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step

_PROCESSING_ROOT = "/opt/ml/processing"
_NOT_WITH_PREFERENCES = ("InstanceType", "InstanceGroups", "InstancePlacementConfig")


def trap_problems(step: Step, where: str) -> Iterator[Problem]:
    """Yield the problems that only knowledge of the service finds."""
    for trap in _TRAPS.get(step.type, ()):
        yield from trap(step.arguments, f"{where}.Arguments")


def _processing_inputs(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    for index, entry in enumerate(_list(arguments, "ProcessingInputs")):
        source = _object(entry, "S3Input")
        place = f"{where}.ProcessingInputs[{index}].S3Input.LocalPath"
        path = source.get("LocalPath")
        managed = entry.get("AppManaged", False) if isinstance(entry, Mapping) else True
        if source and path is None and managed is False:
            yield Problem(place, "it is missing", f"Name a folder under {_PROCESSING_ROOT}/.")
        if isinstance(path, str) and not f"{path}/".startswith(f"{_PROCESSING_ROOT}/"):
            yield Problem(place, f"{path!r} lies elsewhere", f"Put it under {_PROCESSING_ROOT}/.")


def _processing_volume_key(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    cluster = _object(_object(arguments, "ProcessingResources"), "ClusterConfig")
    yield from _volume_key(cluster, f"{where}.ProcessingResources.ClusterConfig")


def _training_volume_key(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    yield from _volume_key(_object(arguments, "ResourceConfig"), f"{where}.ResourceConfig")


def _volume_key(cluster: Mapping[str, Json], where: str) -> Iterator[Problem]:
    if cluster.get("VolumeKmsKeyId") is None:
        return
    for found in _instance_types(cluster):
        if family(found) in LOCAL_STORAGE_FAMILIES:
            yield Problem(
                f"{where}.VolumeKmsKeyId",
                f"{found} has local storage, which takes no key",
                "Leave it out: that storage is encrypted by the instance.",
            )


def _instance_types(cluster: Mapping[str, Json]) -> list[str]:
    preferred = [one for one in _list(cluster, "InstancePreferences") if isinstance(one, Mapping)]
    written = [one.get("InstanceType") for one in (cluster, *preferred)]
    return [one for one in written if isinstance(one, str)]


def _spot(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    stopping = _object(arguments, "StoppingCondition")
    spot = arguments.get("EnableManagedSpotTraining", False)
    wait, run = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds")
    place = f"{where}.StoppingCondition.MaxWaitTimeInSeconds"
    if spot is True and wait is None:
        fix = "Spot training needs it, at least MaxRuntimeInSeconds."
        yield Problem(place, "it is missing", fix)
    if spot is False and isinstance(wait, int):
        yield Problem(place, "it is only for spot training", "Set EnableManagedSpotTraining.")
    if isinstance(wait, int) and isinstance(run, int) and wait < run:
        yield Problem(place, f"{wait} is less than MaxRuntimeInSeconds, {run}")


def _instance_preferences(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    resources = _object(arguments, "ResourceConfig")
    if "InstancePreferences" not in resources:
        return
    others = [name for name in _NOT_WITH_PREFERENCES if name in resources]
    if arguments.get("EnableManagedSpotTraining") is True:
        others.append("EnableManagedSpotTraining")
    if others:
        what = f"it excludes {', '.join(others)}"
        place = f"{where}.ResourceConfig.InstancePreferences"
        yield Problem(place, what, "Give one or the other.")


def _training_image(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    algorithm = _object(arguments, "AlgorithmSpecification")
    if "AlgorithmSpecification" in arguments and (
        ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm)
    ):
        place = f"{where}.AlgorithmSpecification"
        yield Problem(place, "give one of TrainingImage and AlgorithmName, not both or neither")


def _emr_cluster(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    if ("ClusterId" in arguments) == ("ClusterConfig" in arguments):
        yield Problem(where, "give one of ClusterId and ClusterConfig, not both or neither")


def _emr_application(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    if ("ApplicationId" in arguments) == ("ApplicationConfig" in arguments):
        yield Problem(where, "give one of ApplicationId and ApplicationConfig, not both or neither")


def _object(value: Json, name: str) -> Mapping[str, Json]:
    member = value.get(name) if isinstance(value, Mapping) else None
    return member if isinstance(member, Mapping) else {}


def _list(value: Mapping[str, Json], name: str) -> list[Json]:
    member = value.get(name)
    return list(member) if isinstance(member, list | tuple) else []


_TRAPS: dict[str, tuple[Callable[[Mapping[str, Json], str], Iterator[Problem]], ...]] = {
    "Training": (_training_volume_key, _spot, _instance_preferences, _training_image),
    "Processing": (_processing_inputs, _processing_volume_key),
    "ClarifyCheck": (_processing_inputs, _processing_volume_key),
    "QualityCheck": (_processing_inputs, _processing_volume_key),
    "EMR": (_emr_cluster,),
    "EMRServerless": (_emr_application,),
}
