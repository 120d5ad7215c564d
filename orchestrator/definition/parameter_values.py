"""The values of a definition's parameters in one execution, typed and checked."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Parameter

_BOOLEANS = {"true": True, "false": False}
_WANTED = {
    "String": "text",
    "Integer": "a whole number",
    "Float": "a number",
    "Boolean": "true or false",
}


def parameter_values(parameters: Sequence[Parameter], given: Mapping[str, Json]) -> dict[str, Json]:
    """Return the value of every parameter, `given` before defaults; text becomes its type.

    Raises:
        InputError: With all that is unknown, missing, of another type or not allowed.
    """
    known = {parameter.name: parameter for parameter in parameters}
    problems = [_unknown(name, known) for name in given if name not in known]
    values: dict[str, Json] = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        if value is None:
            fix = f"Give one with --param {name}=VALUE."
            problems.append(Problem(f"parameters.{name}", "it has no default and no value", fix))
            continue
        try:
            values[name] = _typed(parameter, value)
        except ValueError as error:
            problems.append(Problem(f"parameters.{name}", str(error)))
    if problems:
        raise InputError(problems)
    return values


def _typed(parameter: Parameter, value: Json) -> Json:
    typed = _converted(parameter.type, value)
    allowed = [_converted(parameter.type, choice) for choice in parameter.enum]
    if allowed and typed not in allowed:
        message = f"{value!r} is not one of {', '.join(map(repr, allowed))}"
        raise ValueError(message)
    return typed


def _converted(kind: str, value: Json) -> Json:
    match kind, value:
        case "String", str():
            return value
        case "Boolean", bool():
            return value
        case "Boolean", str() if value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        case "Integer", int() | str() if not isinstance(value, bool):
            return _number(int, kind, value)
        case "Float", int() | float() | str() if not isinstance(value, bool):
            return _number(float, kind, value)
    message = f"expected {_WANTED[kind]}, found {value!r}"
    raise ValueError(message)


def _number(convert: type[int] | type[float], kind: str, value: float | str) -> float:
    try:
        number = convert(value)
        if isinstance(number, int) or math.isfinite(number):  # JSON knows no other.
            return number
    except ValueError:
        pass
    message = f"expected {_WANTED[kind]}, found {value!r}"
    raise ValueError(message)


def _unknown(name: str, known: Mapping[str, Parameter]) -> Problem:
    near = difflib.get_close_matches(name, known, 1)
    fix = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(known) or 'none'}."
    return Problem(f"parameters.{name}", "there is no such parameter", fix)
