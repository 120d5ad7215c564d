"""Checks the parameters that a definition declares."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from orchestrator.catalog import limits
from orchestrator.definition.json import type_name
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Parameter

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")


def parameter_problems(parameter: Parameter) -> Iterator[Problem]:
    """Yield the problems of one parameter: its name, its enum and its default."""
    where = f"Parameters.{parameter.name}"
    if not _NAME.fullmatch(parameter.name):
        fix = "Use 1 to 256 letters, digits, hyphens and underscores."
        yield Problem(where, f"{parameter.name!r} is not a parameter name", fix)
    if parameter.enum and parameter.type != "String":
        yield Problem(where, f"EnumValues do not go with {parameter.type}", "Make it a String.")
    if len(parameter.enum) > limits.ENUM_VALUES:
        fix = f"At most {limits.ENUM_VALUES} are allowed."
        yield Problem(where, f"there are {len(parameter.enum)} EnumValues", fix)
    yield from _default_problems(parameter, where)


def _default_problems(parameter: Parameter, where: str) -> Iterator[Problem]:
    default = parameter.default
    if default is None:
        return
    if not _fits(parameter.type, default):
        what = f"the default is {type_name(default)}, {default!r}"
        yield Problem(where, what, f"The type is {parameter.type}.")
    elif parameter.enum and default not in parameter.enum:
        what = f"the default {default!r} is not one of the EnumValues"
        yield Problem(where, what, f"Use one of {', '.join(parameter.enum)}.")
    elif isinstance(default, str) and len(default) > limits.PARAMETER_VALUE_CHARACTERS:
        fix = f"At most {limits.PARAMETER_VALUE_CHARACTERS} are allowed."
        yield Problem(where, f"the default has {len(default)} characters", fix)


def _fits(type: str, value: Json) -> bool:  # noqa: A002 - the word of the definition
    if isinstance(value, bool) or type == "Boolean":
        return isinstance(value, bool) and type == "Boolean"
    match type:
        case "Integer":
            return isinstance(value, int)
        case "Float":
            return isinstance(value, int | float) and math.isfinite(value)
        case _:
            return isinstance(value, str)
