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


def trap_problems(step: Step, where: str) -> Iterator[Problem]:
    """Yield the problems that only knowledge of the service finds."""
    for trap in _TRAPS.get(step.type, ()):
        yield from trap(step.arguments, f"{where}.Arguments")


def _processing_paths(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    outputs = _object(arguments, "ProcessingOutputConfig")
    places = (
        (f"{where}.ProcessingInputs", _list(arguments, "ProcessingInputs"), "S3Input"),
        (f"{where}.ProcessingOutputConfig.Outputs", _list(outputs, "Outputs"), "S3Output"),
    )
    for place, entries, member in places:
        for index, entry in enumerate(entries):
            path = _object(entry, member).get("LocalPath")
            if isinstance(path, str) and not f"{path}/".startswith(f"{_PROCESSING_ROOT}/"):
                at = f"{place}[{index}].{member}.LocalPath"
                yield Problem(at, f"{path!r} lies elsewhere", f"Put it under {_PROCESSING_ROOT}/.")


def _processing_volume_key(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    cluster = _object(_object(arguments, "ProcessingResources"), "ClusterConfig")
    yield from _volume_key(cluster, f"{where}.ProcessingResources.ClusterConfig")


def _training_volume_key(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    yield from _volume_key(_object(arguments, "ResourceConfig"), f"{where}.ResourceConfig")


def _volume_key(cluster: Mapping[str, Json], where: str) -> Iterator[Problem]:
    instance_type = cluster.get("InstanceType")
    if cluster.get("VolumeKmsKeyId") is None or not isinstance(instance_type, str):
        return
    if family(instance_type) in LOCAL_STORAGE_FAMILIES:
        yield Problem(
            f"{where}.VolumeKmsKeyId",
            f"{instance_type} has local storage, which takes no key",
            "Leave it out: that storage is encrypted by the instance.",
        )


def _spot(arguments: Mapping[str, Json], where: str) -> Iterator[Problem]:
    stopping = _object(arguments, "StoppingCondition")
    spot = arguments.get("EnableManagedSpotTraining") is True
    wait, run = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds")
    place = f"{where}.StoppingCondition.MaxWaitTimeInSeconds"
    if spot and wait is None:
        yield Problem(
            place, "it is missing", "Spot training needs it, at least MaxRuntimeInSeconds."
        )
    if not spot and isinstance(wait, int) and "EnableManagedSpotTraining" not in arguments:
        yield Problem(place, "it is only for spot training", "Set EnableManagedSpotTraining.")
    if isinstance(wait, int) and isinstance(run, int) and wait < run:
        yield Problem(place, f"{wait} is less than MaxRuntimeInSeconds, {run}")
    if spot and "InstancePreferences" in _object(arguments, "ResourceConfig"):
        what = "spot training and a list of preferred instances exclude each other"
        yield Problem(f"{where}.ResourceConfig.InstancePreferences", what, "Name one InstanceType.")


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
    "Training": (_training_volume_key, _spot, _training_image),
    "Processing": (_processing_paths, _processing_volume_key),
    "ClarifyCheck": (_processing_paths, _processing_volume_key),
    "QualityCheck": (_processing_paths, _processing_volume_key),
    "EMR": (_emr_cluster,),
    "EMRServerless": (_emr_application,),
}
