"""Checks a value against an API shape, deeper than the SDKs do before they call the service.

Pipeline expressions are wildcards, save for what is known of them: the type and the default of a
parameter, and the least length of a join.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, TypeGuard

from orchestrator.definition.expressions import expression_kind
from orchestrator.definition.json import type_name
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Parameter
    from orchestrator.definition.shapes import Shape, Shapes

_NUMBERS = {"integer": "a whole number", "long": "a whole number"} | dict.fromkeys(
    ("float", "double"), "a number"
)
_WANTED = {
    **_NUMBERS,
    "string": "text",
    "boolean": "true or false",
    "structure": "an object",
    "map": "an object",
    "list": "a list",
    "timestamp": "a time as text, or seconds",
    "blob": "text",
}


_TAKES: dict[str, frozenset[str]] = {
    "String": frozenset({"string", "timestamp", "blob"}),
    "Integer": frozenset({"integer", "long", "float", "double", "timestamp"}),
    "Float": frozenset({"float", "double", "timestamp"}),
    "Boolean": frozenset({"boolean"}),
}
"""Parameter type to the types of members that may refer to it."""
_WRAP = 'Wrap it: {"Std:Join": {"On": "", "Values": [{"Get": ...}]}}.'


@dataclass(frozen=True)
class RequestChecker:
    """Finds what is wrong with the members of a request to `service`."""

    shapes: Shapes
    service: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def members(
        self,
        value: Mapping[str, Json],
        shape: Shape,
        where: str,
        *,
        optional: frozenset[str] = frozenset(),
    ) -> Iterator[Problem]:
        """Yield the problems of an object: missing and unknown members, and inside each."""
        for name in shape.required:
            if name not in value and name not in optional:
                yield Problem(where, f"{name} is missing")
        for name, member in value.items():
            if name in shape.members:
                yield from self._value(member, shape.members[name], f"{where}.{name}")
            else:
                yield unknown_member(where, name, list(shape.members))
        if shape.union and len(value) != 1:
            options = ", ".join(shape.members)
            yield Problem(where, f"{len(value)} members are given", f"Give one of {options}.")

    def value(
        self, value: Json, shape_name: str, where: str, *, optional: frozenset[str] = frozenset()
    ) -> Iterator[Problem]:
        """Yield the problems of a value that must have the shape called `shape_name`."""
        shape = self.shapes.shape(self.service, shape_name)
        if shape and shape.type == "structure" and _is_plain_object(value):
            yield from self.members(value, shape, where, optional=optional)
        else:
            yield from self._value(value, shape_name, where)

    def _value(self, value: Json, shape_name: str, where: str) -> Iterator[Problem]:
        shape = self.shapes.shape(self.service, shape_name)
        if shape is None or shape.type == "any":
            return
        if expression_kind(value) is not None:
            yield from self._expression(value, shape, where)
        elif not _has_type(value, shape.type):
            shown = f", {value!r}" if isinstance(value, str | int | float) else ""
            wanted = f"Write {_WANTED[shape.type]}."
            yield Problem(where, f"this is {type_name(value)}{shown}", wanted)
        else:
            yield from _limits(value, shape, where)
            yield from self._inside(value, shape, where)

    def _inside(self, value: Json, shape: Shape, where: str) -> Iterator[Problem]:
        if isinstance(value, Mapping) and shape.type == "structure":
            yield from self.members(value, shape, where)
        elif isinstance(value, Mapping) and shape.key and shape.value:
            for name, member in value.items():
                yield from self._value(name, shape.key, f"{where} key {name!r}")
                yield from self._value(member, shape.value, f"{where}.{name}")
        elif isinstance(value, list | tuple) and shape.member:
            for index, item in enumerate(value):
                yield from self._value(item, shape.member, f"{where}[{index}]")

    def _expression(self, value: Json, shape: Shape, where: str) -> Iterator[Problem]:
        match value:
            case {"Get": str(path)} if path.startswith("Parameters."):
                parameter = self.parameters.get(path.removeprefix("Parameters."))
                if parameter is not None:
                    yield from self._parameter(parameter, shape, where)
            case {"Std:Join": {"On": str(on), "Values": [*values]}} if shape.type == "string":
                least = _least_length(on, values)
                if shape.maximum is not None and least > shape.maximum:
                    yield _too_long(where, f"joined it has at least {least} characters", shape)

    def _parameter(self, parameter: Parameter, shape: Shape, where: str) -> Iterator[Problem]:
        if shape.type not in _TAKES[parameter.type]:
            # The service's words: "Cannot assign property reference [Parameters.X] to argument
            # of type [String]" (sagemaker-python-sdk, issue 4867).
            yield Problem(
                where,
                f"parameter {parameter.name} is {parameter.type}, and this must be "
                f"{_WANTED[shape.type]}; SageMaker refuses that when the pipeline is created",
                _WRAP if shape.type == "string" else "",
            )
        elif parameter.default is not None and _has_type(parameter.default, shape.type):
            at = f"{where} (default of parameter {parameter.name})"
            yield from _limits(parameter.default, shape, at)


def unknown_member(where: str, name: str, known: list[str]) -> Problem:
    """Return the problem of a member that is not there, with the closest that is."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, 1)
    if close:
        fix = f"Did you mean {by_lower[close[0]]!r}?"
    else:
        fix = f"Use one of {', '.join(sorted(known))}." if known else "Leave it out."
    return Problem(where, f"there is no member {name!r}", fix)


def _is_plain_object(value: Json) -> TypeGuard[Mapping[str, Json]]:
    return isinstance(value, Mapping) and expression_kind(value) is None


def _has_type(value: Json, type: str) -> bool:  # noqa: A002 - the word of the model
    match type:
        case "structure" | "map":
            return isinstance(value, Mapping)
        case "list":
            return isinstance(value, list | tuple)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "timestamp":
            return isinstance(value, str | int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)


def _limits(value: Json, shape: Shape, where: str) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from _text_limits(value, shape, where)
    elif isinstance(value, list | tuple | Mapping) and shape.type != "structure":
        yield from _range(len(value), shape, where, "entries")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range(value, shape, where, "")


def _text_limits(value: str, shape: Shape, where: str) -> Iterator[Problem]:
    if shape.type != "string":
        return
    if shape.enum and value not in shape.enum:
        close = get_close_matches(value, shape.enum, 1, 0.75)
        few = f"Use one of {', '.join(shape.enum)}." if len(shape.enum) <= 12 else ""
        fix = f"Did you mean {close[0]!r}?" if close else few
        yield Problem(where, f"SageMaker has no {_in_words(shape.name)} {value!r}", fix)
    if shape.maximum is not None and len(value) > shape.maximum:
        yield _too_long(where, f"it has {len(value)} characters", shape)
    elif shape.minimum is not None and len(value) < shape.minimum:
        least = f"Give at least {shape.minimum:g}."
        yield Problem(where, f"it has {len(value)} characters, {value!r}", least)
    elif shape.pattern and not shape.enum and not matches(shape.pattern, value):
        yield Problem(where, f"{_shortened(value)} does not match {shape.pattern}")


def _range(amount: float, shape: Shape, where: str, unit: str) -> Iterator[Problem]:
    found = f"there are {amount} {unit}" if unit else f"the value is {amount}"
    if shape.maximum is not None and amount > shape.maximum:
        yield Problem(where, found, f"At most {shape.maximum:g} are allowed.")
    if shape.minimum is not None and amount < shape.minimum:
        yield Problem(where, found, f"At least {shape.minimum:g} are needed.")


def _too_long(where: str, found: str, shape: Shape) -> Problem:
    return Problem(where, found, f"At most {shape.maximum:g} are allowed.")


def _least_length(on: str, values: list[Json]) -> int:
    literal = sum(len(value) for value in values if isinstance(value, str))
    return literal + len(on) * max(0, len(values) - 1)


def _in_words(shape_name: str) -> str:
    """Return `TrainingInstanceType` as `training instance type`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", shape_name).lower()


def _shortened(value: str) -> str:
    return repr(value) if len(value) <= 80 else f"{value[:77]!r}..."


def matches(java_pattern: str, value: str) -> bool:
    """Return whether the whole of `value` matches; true if Python cannot read the pattern."""
    pattern = _compiled(java_pattern)
    return pattern is None or pattern.fullmatch(value) is not None


@cache
def _compiled(java_pattern: str) -> re.Pattern[str] | None:
    text = java_pattern.replace(r"\p{Alnum}", "a-zA-Z0-9")
    # Letters of all scripts, separators and digits have close Python classes; marks do not.
    unicode = r"\p{" in text
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", r"\s")):
        text = text.replace(java, python)
    try:
        return re.compile(text, 0 if unicode else re.ASCII)
    except re.error:
        return None
