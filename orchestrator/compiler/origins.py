"""Which key of the spec a part of the definition comes from, so that errors can name it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.plan.kinds import facts_of
from orchestrator.plan.model import DATA_STEP

if TYPE_CHECKING:
    from collections.abc import Collection

    from orchestrator.plan.model import Plan, Source

_GATE_SUFFIXES = ("-gate-failed", "-gate")
_DEFAULT = re.compile(r"\(default of parameter (\w+)\)$")
_INSIDE_STEP = re.compile(r"Steps\.(?P<step>[\w-]+)(?P<rest>.*)", re.DOTALL)
_IMAGES = ("ImageUri", "TrainingImage")
_MEMBERS = {
    "ResourceConfig.InstanceType": "instance_type",
    "ResourceConfig.InstancePreferences": "instance_type",
    "ResourceConfig.InstanceCount": "instance_count",
    "ResourceConfig.VolumeSizeInGB": "volume_size_gb",
    "ProcessingResources.ClusterConfig.InstanceType": "instance_type",
    "ProcessingResources.ClusterConfig.InstancePreferences": "instance_type",
    "ProcessingResources.ClusterConfig.InstanceCount": "instance_count",
    "ProcessingResources.ClusterConfig.VolumeSizeInGB": "volume_size_gb",
    "StoppingCondition.MaxRuntimeInSeconds": "max_runtime_seconds",
    "StoppingCondition.MaxWaitTimeInSeconds": "max_runtime_seconds",
    "AlgorithmSpecification.TrainingImage": "image_uri",
    "AppSpecification.ImageUri": "image_uri",
    "AppSpecification.ContainerArguments": "arguments",
    "AlgorithmSpecification.ContainerArguments": "arguments",
    "AlgorithmSpecification.MetricDefinitions": "metric_definitions",
    "HyperParameters": "hyperparameters",
    "Environment": "environment",
    "ProcessingInputs": "inputs",
    "ProcessingOutputConfig.Outputs": "outputs",
    "ModelPackageGroupName": "model_package_group_name",
    "ModelApprovalStatus": "approval_status",
    "ModelCard": "model_card",
    "InferenceSpecification.SupportedRealtimeInferenceInstanceTypes": "inference_instance_types",
    "InferenceSpecification.Containers[0].Image": "image_uri",
}
"""Member of a step's `Arguments` to the key of the step that decides it."""


def step_of(where: str, steps: Collection[str]) -> str | None:
    """Return the spec's step that `where`, a path in the definition, belongs to, if any."""
    found = _INSIDE_STEP.match(where)
    if found is None:
        return None
    name = found["step"]
    for suffix in _GATE_SUFFIXES:
        if name not in steps:
            name = found["step"].removesuffix(suffix)
    if name not in steps:
        name = found["step"].removesuffix(DATA_STEP)
    return name if name in steps else None


def fields_naming(plan: Plan, source: Source) -> list[str]:
    """Return the fields of the spec that name `source`, such as `steps.sft.model_name_or_path`."""
    return [
        f"steps.{step.name}.{read.field}"
        for step in plan.steps
        for read in facts_of(step.spec).reads
        if read.channel is not None and step.inputs.get(read.channel) == source
    ]


def field_of_job(where: str, plan: Plan) -> str:
    """Return the field of the spec for what a backend calls `steps.NAME.inputs.CHANNEL` or so."""
    _, name, *rest = where.split(".", 2)
    by_name = {step.name: step for step in plan.steps}
    name = name if name in by_name else name.removesuffix(DATA_STEP)
    step = by_name.get(name)
    if step is None or not rest:
        return where
    if rest[0] in _IMAGES:
        return f"steps.{name}.image_uri"
    channel = rest[0].removeprefix("inputs.")
    fields = [read.field for read in facts_of(step.spec).reads if read.channel == channel]
    return f"steps.{name}.{fields[0]}" if fields else where


def spec_path(where: str, steps: Collection[str]) -> str | None:
    """Return the path in the spec that decides what stands at `where` in the definition.

    Args:
        where: Such as `Steps.sft.Arguments.ResourceConfig.InstanceType`.
        steps: The names of the spec's steps.

    Returns:
        Such as `steps.sft.instance_type`; None if no single key decides it.
    """
    default = _DEFAULT.search(where)
    if default is not None:
        return f"parameters.{default[1]}.default"
    name, found = step_of(where, steps), _INSIDE_STEP.match(where)
    if name is None or found is None:
        return None
    if found["step"] not in {name, f"{name}{DATA_STEP}"}:
        return f"steps.{name}.gates"
    rest = found["rest"]
    if rest in {"", ".Name"}:
        return f"steps.{name}"
    if rest == ".Description":
        return f"steps.{name}.description"
    key = _key_of(rest.removeprefix(".Arguments."))
    return None if key is None else f"steps.{name}.{key}"


def _key_of(member: str) -> str | None:
    while member:
        if member in _MEMBERS:
            return _MEMBERS[member]
        member = member[: max(member.rfind("."), member.rfind("["), member.rfind(" key "), 0)]
    return None
