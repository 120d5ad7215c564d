"""The parameters of a definition: their defaults, and the values one execution gives them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from orchestrator.catalog import limits
from orchestrator.definition.json import type_name
from orchestrator.definition.results import did_you_mean
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition, Parameter

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,19}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_EXAMPLES = {"Integer": "3", "Float": "0.5", "Boolean": "true", "String": "text"}


def parameter_values(definition: Definition, given: Mapping[str, Json]) -> dict[str, Json]:
    """Return the value of every parameter: what is given, else its default.

    Values may be text, as `StartPipelineExecution` takes them, or already of the right type.

    Raises:
        DefinitionError: With every unknown, missing or unreadable value.
    """
    problems: list[Problem] = []
    values: dict[str, Json] = {}
    names = [parameter.name for parameter in definition.parameters]
    for name in sorted(set(given) - set(names)):
        what = f"there is no parameter {name!r}"
        problems.append(Problem(f"parameters.{name}", what, did_you_mean(name, names)))
    for parameter in definition.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            fix = f"Give one with --param {parameter.name}=VALUE."
            problems.append(Problem(f"parameters.{parameter.name}", "it has no value", f"{fix}"))
            continue
        try:
            values[parameter.name] = typed_value(parameter, value)
        except DefinitionError as error:
            problems.extend(error.problems)
    if problems:
        raise DefinitionError(problems)
    return values


def typed_value(parameter: Parameter, value: Json) -> Json:
    """Return `value` in the type of `parameter`.

    Raises:
        DefinitionError: If it cannot be read as that type, or is not one of the enum's values.
    """
    where = f"parameters.{parameter.name}"
    typed = _from_text(parameter.type, value) if isinstance(value, str) else value
    if not _fits(parameter.type, typed):
        what = f"{value!r} is not {_article(parameter.type)}"
        raise DefinitionError(Problem(where, what, f"Write {_EXAMPLES[parameter.type]}."))
    if parameter.enum and typed not in parameter.enum:
        fix = f"Use one of {', '.join(parameter.enum)}."
        raise DefinitionError(Problem(where, f"{typed!r} is not allowed", fix))
    if isinstance(typed, str) and len(typed) > limits.PARAMETER_VALUE_CHARACTERS:
        fix = f"At most {limits.PARAMETER_VALUE_CHARACTERS} are allowed."
        raise DefinitionError(Problem(where, f"it has {len(typed)} characters", fix))
    return typed


def default_problems(parameter: Parameter) -> Iterator[Problem]:
    """Yield the problems of one parameter as it is declared."""
    where = f"Parameters.{parameter.name}"
    if not _NAME.fullmatch(parameter.name):
        fix = "Use 1 to 256 letters, digits, hyphens and underscores."
        yield Problem(where, f"{parameter.name!r} is not a parameter name", fix)
    if parameter.enum and parameter.type != "String":
        yield Problem(where, f"{_article(parameter.type)} has no EnumValues", "Make it a String.")
    if len(parameter.enum) > limits.ENUM_VALUES:
        fix = f"At most {limits.ENUM_VALUES} are allowed."
        yield Problem(where, f"there are {len(parameter.enum)} EnumValues", fix)
    default = parameter.default
    if default is not None and not _fits(parameter.type, default):
        what = f"the default is {type_name(default)}, {default!r}"
        yield Problem(where, what, f"The type is {parameter.type}.")
    elif default is not None and parameter.enum and default not in parameter.enum:
        what = f"the default {default!r} is not one of the EnumValues"
        yield Problem(where, what, f"Use one of {', '.join(parameter.enum)}.")


def _from_text(type: str, text: str) -> Json:  # noqa: A002 - the word of the definition
    match type:
        case "Integer" if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        case "Float" if _NUMBER.fullmatch(text):
            return float(text)
        case "Boolean" if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        case _:
            return text


def _fits(type: str, value: Json) -> bool:  # noqa: A002 - the word of the definition
    match type:
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Float":
            return (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            )
        case "Boolean":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str)


def _article(type: str) -> str:  # noqa: A002 - the word of the definition
    return f"an {type}" if type == "Integer" else f"a {type}"
