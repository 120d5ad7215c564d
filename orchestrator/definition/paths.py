"""Paths into JSON: those of `Get`, such as `Steps.a.B['k'].C[0]`, and the JSONPath of JsonGet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.definition.json import type_name
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json

Path: TypeAlias = tuple[str | int, ...]
"""What to follow, one after another: a member's name, or an index into a list.

A name on a list selects the item whose `...Name` member has that value, as in
`ProcessingOutputConfig.Outputs['data']`.
"""

_SEGMENT = re.compile(
    r"""
      \.?(?P<member>[^.\[\]'"$*?@\s]+)     # .name, or name at the start
    | \.?\[(?P<index>\d+)\]                # [0]
    | \.?\['(?P<single>(?:[^'\\]|\\.)*)'\] # ['a.b']
    | \.?\["(?P<double>(?:[^"\\]|\\.)*)"\] # ["a.b"]
    """,
    re.VERBOSE,
)


def parse_path(text: str) -> Path:
    """Return the segments of `text`; a leading `$` or `$.` is allowed.

    Raises:
        DefinitionError: If it is empty or uses something else, such as `*`, `..` or a filter.
    """
    start = 1 if text.startswith("$") else 0
    segments: list[str | int] = []
    position = start
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None or (match["member"] and text[position] != "." and position > start):
            raise DefinitionError(_unreadable(text, position))
        segments.append(_segment(match))
        position = match.end()
    if not segments:
        raise DefinitionError(_unreadable(text, start))
    return tuple(segments)


def format_path(path: Path) -> str:
    """Return `path` as text that `parse_path` reads back."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif re.fullmatch(r"[\w/-]+", segment):
            text += f".{segment}" if text else segment
        else:
            escaped = segment.replace("\\", "\\\\").replace("'", "\\'")
            text += f"['{escaped}']"
    return text


def follow(document: Json, path: Path) -> Json:
    """Return what lies at `path` in `document`.

    Raises:
        DefinitionError: If there is nothing; says where the path ended and what was there.
    """
    value = document
    for position, segment in enumerate(path):
        try:
            value = _child(value, segment)
        except LookupError:
            where = format_path(path[: position + 1])
            raise DefinitionError(_missing(format_path(path), where, value)) from None
    return value


def _segment(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["member"] is not None:
        return match["member"]
    quoted: str = match["single"] if match["single"] is not None else match["double"]
    return re.sub(r"\\(.)", r"\1", quoted)


def _child(value: Json, segment: str | int) -> Json:
    if isinstance(segment, int):
        return _item(value, segment)
    if isinstance(value, Mapping):
        return value[segment]
    if isinstance(value, list | tuple):
        return _named_item(value, segment)
    raise KeyError(segment)


def _item(value: Json, index: int) -> Json:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value[index]
    raise KeyError(index)


def _named_item(items: list[Json] | tuple[Json, ...], name: str) -> Json:
    for item in items:
        if isinstance(item, Mapping) and any(
            key.endswith("Name") and value == name for key, value in item.items()
        ):
            return item
    raise KeyError(name)


def _unreadable(text: str, position: int) -> Problem:
    found = f"cannot read this path at {text[position:]!r}" if text[position:] else "it is empty"
    return Problem(
        f"path {text!r}", found, "Use names, ['quoted names'] and [0] indexes, joined by dots."
    )


def _missing(path: str, where: str, value: Json) -> Problem:
    if isinstance(value, Mapping):
        there = f"the members there are {', '.join(sorted(value)) or 'none'}"
    elif isinstance(value, list | tuple):
        there = f"there is a list of {len(value)}"
    else:
        there = f"there is {type_name(value)}, {value!r}"
    return Problem(f"path {path!r}", f"nothing at {where!r}; {there}")
