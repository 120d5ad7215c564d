"""A JSON document as one text, some of whose values only the execution knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.compiler.values import concatenated
from orchestrator.definition.expressions import Get, Join, JsonGet, JsonGetS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.definition.json import Json


class Quoted(dict[str, "Json"]):
    """An expression, or a text, that stands in quotes: its value has none that need escaping."""

    def __init__(self, value: Json) -> None:
        super().__init__({"Quoted": value})


def json_text(document: Json) -> Json:
    """Return `document` as JSON text, or as the expression that joins it; names sorted.

    An expression in it is a number, unless it is `Quoted`.
    """
    return concatenated(list(_pieces(document)))


def _pieces(value: Json) -> Iterator[Json]:
    match value:
        case Quoted():
            inner = value["Quoted"]
            yield from [json.dumps(inner)] if isinstance(inner, str) else ['"', inner, '"']
        case Get() | Join() | JsonGet() | JsonGetS3():
            yield value
        case Mapping():
            yield "{"
            for position, name in enumerate(sorted(value)):
                yield f"{', ' if position else ''}{json.dumps(name)}: "
                yield from _pieces(value[name])
            yield "}"
        case list() | tuple():
            yield "["
            for position, item in enumerate(value):
                yield ", " if position else ""
                yield from _pieces(item)
            yield "]"
        case _:
            yield json.dumps(value)
