"""Definition JSON to the model, losing nothing; all problems of form are reported at once.

Form only: whether names, references and requests make sense is for `validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast, get_args

from orchestrator.definition.json import parse, type_name
from orchestrator.definition.model import (
    CONDITION,
    Cache,
    Definition,
    Parameter,
    ParameterType,
    PropertyFile,
    RetryPolicy,
    Step,
    to_json,
)
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Part

T = TypeVar("T")
AnyPart = TypeVar("AnyPart", bound="Part")

BRANCH_MEMBERS = ("Conditions", "IfSteps", "ElseSteps")


def parse_definition(data: bytes) -> Definition:
    """Return the definition that the JSON `data` holds; `to_json` gives back an equal value.

    Members that the model does not know are kept in `extra`. Lists that are absent become empty.

    Raises:
        DefinitionError: With every problem of form.
    """
    raw = parse(data)
    fields = _Fields([])
    definition = _definition(fields.object(raw, "definition"), fields)
    if fields.problems:
        raise DefinitionError(fields.problems)
    return definition


class _Fields:
    """Takes members out of objects; what is not of the right type becomes a problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def problem(self, where: str, what: str, fix: str = "") -> None:
        self.problems.append(Problem(where, what, fix))

    def object(self, value: Json, where: str) -> Mapping[str, Json]:
        if isinstance(value, Mapping):
            return value
        self.wrong_type(where, value, "an object")
        return {}

    def list(self, members: Mapping[str, Json], name: str, where: str) -> Sequence[Json]:
        value = members.get(name)
        if value is None or isinstance(value, list | tuple):
            return value or []
        self.wrong_type(_member(where, name), value, "a list")
        return []

    def each(
        self,
        members: Mapping[str, Json],
        name: str,
        where: str,
        read: Callable[[Mapping[str, Json], str, _Fields], T],
    ) -> tuple[T, ...]:
        items = []
        for index, value in enumerate(self.list(members, name, where)):
            place = f"{_member(where, name)}[{index}]"
            if isinstance(value, Mapping):
                items.append(read(value, place, self))
            else:
                self.wrong_type(place, value, "an object")
        return tuple(items)

    def text(self, members: Mapping[str, Json], name: str, where: str) -> str:
        if name not in members:
            self.problem(where, f"{name} is missing")
            return ""
        value = members[name]
        if isinstance(value, str):
            return value
        self.wrong_type(_member(where, name), value, "text")
        return ""

    def optional_text(self, members: Mapping[str, Json], name: str, where: str) -> str | None:
        return None if members.get(name) is None else self.text(members, name, where)

    def texts(self, members: Mapping[str, Json], name: str, where: str) -> tuple[str, ...]:
        if isinstance(value := members.get(name), str):
            return (value,)
        values = self.list(members, name, where)
        for item in values:
            if not isinstance(item, str):
                self.wrong_type(_member(where, name), item, "text in the list")
        return tuple(item for item in values if isinstance(item, str))

    def number(self, members: Mapping[str, Json], name: str, where: str) -> float | None:
        value = members.get(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        self.wrong_type(_member(where, name), value, "a number")
        return None

    def integer(self, members: Mapping[str, Json], name: str, where: str) -> int | None:
        value = self.number(members, name, where)
        if value is None or isinstance(value, int):
            return value
        self.wrong_type(_member(where, name), value, "a whole number")
        return None

    def wrong_type(self, where: str, value: Json, wanted: str) -> None:
        shown = f", {value!r}" if isinstance(value, str | int | float) else ""
        self.problem(where, f"this is {type_name(value)}{shown}", f"Write {wanted}.")


def _definition(members: Mapping[str, Json], fields: _Fields) -> Definition:
    definition = Definition(
        parameters=fields.each(members, "Parameters", "", _parameter),
        steps=fields.each(members, "Steps", "", _step),
        metadata=_optional_object(members, "Metadata", "", fields),
        experiment_config=_optional_object(members, "PipelineExperimentConfig", "", fields),
        version=fields.text(members, "Version", "definition"),
    )
    return _with_extra(definition, members)


def _parameter(members: Mapping[str, Json], where: str, fields: _Fields) -> Parameter:
    kind = fields.text(members, "Type", where)
    if kind and kind not in get_args(ParameterType):
        known = ", ".join(get_args(ParameterType))
        fields.problem(f"{where}.Type", f"there is no type {kind!r}", f"Use one of {known}.")
    parameter = Parameter(
        name=fields.text(members, "Name", where),
        type=cast("ParameterType", kind),
        default=members.get("DefaultValue"),
        enum=fields.texts(members, "EnumValues", where),
    )
    return _with_extra(parameter, members)


def _step(members: Mapping[str, Json], where: str, fields: _Fields) -> Step:
    kind = fields.text(members, "Type", where)
    arguments = fields.object(members.get("Arguments"), f"{where}.Arguments")
    branches = arguments if kind == CONDITION else {}
    names, triggers = _dependencies(members, where, fields)
    step = Step(
        name=fields.text(members, "Name", where),
        type=kind,
        arguments={k: v for k, v in arguments.items() if not branches or k not in BRANCH_MEMBERS},
        depends_on=names,
        triggers=triggers,
        retry_policies=fields.each(members, "RetryPolicies", where, _retry_policy),
        cache=_cache(members, where, fields),
        property_files=fields.each(members, "PropertyFiles", where, _property_file),
        display_name=fields.optional_text(members, "DisplayName", where),
        description=fields.optional_text(members, "Description", where),
        conditions=tuple(fields.list(branches, "Conditions", f"{where}.Arguments")),
        if_steps=fields.each(branches, "IfSteps", f"{where}.Arguments", _step),
        else_steps=fields.each(branches, "ElseSteps", f"{where}.Arguments", _step),
    )
    return _with_extra(step, members)


def _dependencies(
    members: Mapping[str, Json], where: str, fields: _Fields
) -> tuple[tuple[str, ...], dict[str, str]]:
    names: list[str] = []
    triggers: dict[str, str] = {}
    for raw in fields.list(members, "DependsOn", where):
        name = raw.get("Step") if isinstance(raw, Mapping) else raw
        trigger = raw.get("Trigger") if isinstance(raw, Mapping) else None
        if not isinstance(name, str):
            fix = 'Write step names, or {"Step": NAME, "Trigger": "Failed"}.'
            fields.problem(f"{where}.DependsOn", f"{raw!r} names no step", fix)
            continue
        names.append(name)
        if isinstance(trigger, str):
            triggers[name] = trigger
    return tuple(names), triggers


def _retry_policy(members: Mapping[str, Json], where: str, fields: _Fields) -> RetryPolicy:
    policy = RetryPolicy(
        exception_types=fields.texts(members, "ExceptionType", where),
        interval_seconds=fields.integer(members, "IntervalSeconds", where),
        backoff_rate=fields.number(members, "BackoffRate", where),
        max_attempts=fields.integer(members, "MaxAttempts", where),
        expire_after_minutes=fields.integer(members, "ExpireAfterMin", where),
    )
    return _with_extra(policy, members)


def _cache(members: Mapping[str, Json], where: str, fields: _Fields) -> Cache | None:
    value = members.get("CacheConfig")
    if value is None:
        return None
    where = f"{where}.CacheConfig"
    raw = fields.object(value, where)
    enabled = raw.get("Enabled")
    if raw and not isinstance(enabled, bool):
        fields.wrong_type(f"{where}.Enabled", enabled, "true or false")
    expire_after = fields.optional_text(raw, "ExpireAfter", where)
    return _with_extra(Cache(enabled=enabled is True, expire_after=expire_after), raw)


def _property_file(members: Mapping[str, Json], where: str, fields: _Fields) -> PropertyFile:
    file = PropertyFile(
        name=fields.text(members, "PropertyFileName", where),
        output_name=fields.text(members, "OutputName", where),
        path=fields.text(members, "FilePath", where),
    )
    return _with_extra(file, members)


def _optional_object(
    members: Mapping[str, Json], name: str, where: str, fields: _Fields
) -> Mapping[str, Json] | None:
    value = members.get(name)
    return None if value is None else fields.object(value, _member(where, name))


def _with_extra(part: AnyPart, members: Mapping[str, Json]) -> AnyPart:
    """Return `part` with whatever of `members` its own JSON would not give back."""
    known = to_json(part)
    extra = {
        name: value for name, value in members.items() if name not in known or known[name] != value
    }
    return replace(part, extra=extra) if extra else part


def _member(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
