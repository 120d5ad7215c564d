"""JSON values, their canonical bytes, and a strict reader."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, TypeAlias

from orchestrator.errors import DefinitionError, Problem

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""Any JSON value. Arrays are lists or tuples, objects are dictionaries with text keys."""


MAX_DEPTH = 160
"""Objects and lists within each other: 50 nested Condition steps, and room for their requests."""


def dumps(value: Json) -> bytes:
    """Return `value` as UTF-8 JSON: members in their order, two spaces of indent, LF at the end.

    Raises:
        DefinitionError: If a number is not finite, or something is not JSON.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DefinitionError(Problem("definition", f"this is not JSON: {error}")) from error
    # Half of a surrogate pair has no UTF-8; its Python escape is also its JSON escape.
    return (text + "\n").encode("utf-8", "backslashreplace")


def parse(data: bytes) -> Json:
    """Return the value that `data` holds, which must be one UTF-8 JSON document.

    Raises:
        DefinitionError: If it is not JSON, says NaN or Infinity, or writes a member twice.
    """
    try:
        value: Json = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        detail = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise DefinitionError(Problem("definition", f"this is not JSON: {detail}")) from error
    if _depth_exceeds(value, MAX_DEPTH):
        what = f"objects and lists are nested more than {MAX_DEPTH} deep"
        raise DefinitionError(Problem("definition", what))
    return value


def type_name(value: Json) -> str:
    """Return the JSON word for the type of `value`, as error messages use it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case _:
            return "a list"


def _depth_exceeds(value: Json, most: int) -> bool:
    level: list[Json] = [value]
    for _ in range(most):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for name, value in pairs:
        if name in result:
            msg = f"the member {name!r} is written twice in one object"
            raise ValueError(msg)
        result[name] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not a JSON number"
    raise ValueError(msg)
