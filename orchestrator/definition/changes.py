"""What differs between two definitions, member by member, in the words of the JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeGuard

from orchestrator.definition.json import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.definition.json import Json

NAMING = ("Name", "ChannelName", "InputName", "OutputName", "PropertyFileName", "Key")
"""Members that tell the items of a list apart, so that one more item is one change."""


@dataclass(frozen=True)
class Change:
    """One member that differs."""

    path: str
    """Such as `Steps.count.Arguments.ProcessingResources.ClusterConfig.InstanceType`."""
    kind: Literal["added", "removed", "changed"]
    before: Json = None
    after: Json = None


def changes_between(before: bytes, after: bytes) -> tuple[Change, ...]:
    """Return what differs between two definitions; nothing if both say the same.

    Raises:
        DefinitionError: If one of them is not JSON.
    """
    return tuple(_changes(parse(before), parse(after), ""))


def _changes(before: Json, after: Json, path: str) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _members(before, after, path)
    elif _is_list(before) and _is_list(after):
        yield from _items(before, after, path)
    # In JSON 1, 1.0 and true are three things; in Python they are equal.
    elif type(before) is not type(after) or before != after:
        yield Change(path, "changed", before, after)


def _members(before: Mapping[str, Json], after: Mapping[str, Json], path: str) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        below = f"{path}.{name}" if path and not name.startswith("[") else path + name
        if name not in before:
            yield Change(below, "added", after=after[name])
        elif name not in after:
            yield Change(below, "removed", before=before[name])
        else:
            yield from _changes(before[name], after[name], below)


def _items(before: Sequence[Json], after: Sequence[Json], path: str) -> Iterator[Change]:
    for naming in NAMING:
        old, new = _by_name(before, naming), _by_name(after, naming)
        if old is not None and new is not None:
            yield from _members(old, new, path)
            if [name for name in old if name in new] != [name for name in new if name in old]:
                yield Change(f"{path} (order)", "changed", list(old), list(new))
            return
    yield from _members(_by_position(before), _by_position(after), path)


def _by_name(items: Sequence[Json], naming: str) -> dict[str, Json] | None:
    """Return the items by what names them; None if something has no name, or two have one."""
    found: dict[str, Json] = {
        str(item[naming]): item for item in items if isinstance(item, Mapping) and naming in item
    }
    return found if len(found) == len(items) else None


def _by_position(items: Sequence[Json]) -> dict[str, Json]:
    return {f"[{index}]": item for index, item in enumerate(items)}


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)
