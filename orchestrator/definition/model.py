"""The pipeline definition as frozen data, and its JSON. What is unknown here is kept as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from orchestrator.definition.json import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.definition.json import Json

VERSION = "2020-12-01"
ParameterType: TypeAlias = Literal["String", "Integer", "Float", "Boolean"]
CONDITION = "Condition"


@dataclass(frozen=True)
class Parameter:
    """A pipeline parameter. Without a default, each execution must give its value."""

    name: str
    type: ParameterType
    default: Json = None
    enum: tuple[str, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Members this model does not know, as read."""


@dataclass(frozen=True)
class RetryPolicy:
    """When and how often SageMaker tries a step again."""

    exception_types: tuple[str, ...]
    """Of `Step.SERVICE_FAULT`, `Step.THROTTLING`, `SageMaker.JOB_INTERNAL_ERROR`, ..."""
    interval_seconds: int | None = None
    backoff_rate: float | None = None
    max_attempts: int | None = None
    expire_after_minutes: int | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Cache:
    """Whether a step may reuse an earlier result, and how old that may be (ISO 8601 duration)."""

    enabled: bool
    expire_after: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file in output `output_name` of a Processing step that `Std:JsonGet` can read."""

    name: str
    output_name: str
    path: str
    """Relative to the output."""
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of any type. Only a Condition step has conditions and branches."""

    name: str
    type: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    """The request of the API behind the step; of a Condition step, what is not below."""
    depends_on: tuple[str, ...] = ()
    triggers: Mapping[str, str] = field(default_factory=dict)
    """Of steps in `depends_on`: how they must have ended, `Failed`, `Stopped` or `Any`."""
    retry_policies: tuple[RetryPolicy, ...] = ()
    cache: Cache | None = None
    property_files: tuple[PropertyFile, ...] = ()
    display_name: str | None = None
    description: str | None = None
    conditions: tuple[Json, ...] = ()
    """All must hold for `if_steps` to run; else `else_steps` do."""
    if_steps: tuple[Step, ...] = ()
    else_steps: tuple[Step, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """A whole pipeline definition."""

    parameters: tuple[Parameter, ...] = ()
    steps: tuple[Step, ...] = ()
    metadata: Mapping[str, Json] | None = None
    experiment_config: Mapping[str, Json] | None = None
    version: str = VERSION
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """A step and the branches it lies in, outermost first."""

    step: Step
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True)
class Branch:
    """One side of a Condition step."""

    condition: str
    side: Literal["IfSteps", "ElseSteps"]


def walk(steps: Sequence[Step], branches: tuple[Branch, ...] = ()) -> Iterator[Placed]:
    """Yield every step in order, each Condition step before what is nested in it."""
    for step in steps:
        yield Placed(step, branches)
        yield from walk(step.if_steps, (*branches, Branch(step.name, "IfSteps")))
        yield from walk(step.else_steps, (*branches, Branch(step.name, "ElseSteps")))


Part: TypeAlias = Definition | Parameter | Step | RetryPolicy | Cache | PropertyFile


def definition_bytes(definition: Definition) -> bytes:
    """Return the canonical JSON of `definition`: what is deployed, run and compared."""
    return dumps(to_json(definition))


def to_json(part: Part) -> dict[str, Json]:
    """Return the JSON of a definition, or of a part of one."""
    return {**_known_members(part), **part.extra}


def _known_members(part: Part) -> dict[str, Json]:
    match part:
        case Definition():
            return _definition_members(part)
        case Step():
            return _step_members(part)
        case Parameter():
            return {
                "Name": part.name,
                "Type": part.type,
                **_given("DefaultValue", part.default),
                **_listed("EnumValues", list(part.enum)),
            }
        case RetryPolicy():
            return _retry_policy_members(part)
        case Cache():
            return {"Enabled": part.enabled, **_given("ExpireAfter", part.expire_after)}
        case PropertyFile():
            return {
                "PropertyFileName": part.name,
                "OutputName": part.output_name,
                "FilePath": part.path,
            }


def _definition_members(definition: Definition) -> dict[str, Json]:
    return {
        "Version": definition.version,
        **_given("Metadata", definition.metadata),
        "Parameters": [to_json(parameter) for parameter in definition.parameters],
        **_given("PipelineExperimentConfig", definition.experiment_config),
        "Steps": [to_json(step) for step in definition.steps],
    }


def _step_members(step: Step) -> dict[str, Json]:
    return {
        "Name": step.name,
        "Type": step.type,
        **_given("DisplayName", step.display_name),
        **_given("Description", step.description),
        **_listed("DependsOn", [_dependency(step, name) for name in step.depends_on]),
        "Arguments": _arguments(step),
        **_listed("RetryPolicies", [to_json(policy) for policy in step.retry_policies]),
        **({"CacheConfig": to_json(step.cache)} if step.cache else {}),
        **_listed("PropertyFiles", [to_json(file) for file in step.property_files]),
    }


def _arguments(step: Step) -> Mapping[str, Json]:
    if step.type != CONDITION:
        return step.arguments
    return {
        "Conditions": list(step.conditions),
        "IfSteps": [to_json(nested) for nested in step.if_steps],
        "ElseSteps": [to_json(nested) for nested in step.else_steps],
        **step.arguments,
    }


def _dependency(step: Step, name: str) -> Json:
    return {"Step": name, "Trigger": step.triggers[name]} if name in step.triggers else name


def _retry_policy_members(policy: RetryPolicy) -> dict[str, Json]:
    return {
        "ExceptionType": list(policy.exception_types),
        **_given("IntervalSeconds", policy.interval_seconds),
        **_given("BackoffRate", policy.backoff_rate),
        **_given("MaxAttempts", policy.max_attempts),
        **_given("ExpireAfterMin", policy.expire_after_minutes),
    }


def _given(name: str, value: Json) -> dict[str, Json]:
    return {} if value is None else {name: value}


def _listed(name: str, values: list[Json]) -> dict[str, Json]:
    return {name: values} if values else {}
