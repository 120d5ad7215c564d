"""Paths that one file gives, as seen from the folder of another."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.spec.composer import Tree

PATH_FIELDS = frozenset(("script", "source_dir", "requirements"))
"""Fields of a step that are paths whether or not they begin with `./`."""
NO_PATHS = frozenset(("arguments", "environment", "description"))
"""Fields whose text goes to the job, or to people, as it is."""


def seen_from(data: dict[str, Tree], folder: str) -> dict[str, Tree]:
    """Return what a spec in `folder` says, with its relative paths as seen from outside of it."""
    moved = dict(data)
    for part in ("parameters", "steps"):
        named = data.get(part)
        if isinstance(named, dict):
            moved[part] = {name: _moved_fields(fields, folder) for name, fields in named.items()}
    return moved


def joined(folder: str, path: str) -> str:
    """Return `path` of a file in `folder`; what is relative begins with `./` or `../`."""
    whole = posixpath.normpath(posixpath.join(folder, path))
    marked = whole if whole.startswith(("/", "../")) else f"./{whole}"
    return f"{marked}/" if path.endswith("/") else marked


def _moved_fields(fields: Tree, folder: str) -> Tree:
    """Return the fields of one step or parameter with their paths moved."""
    if not isinstance(fields, dict):
        return fields
    moved: dict[str, Tree] = {}
    for key, value in fields.items():
        is_bare_path = key in PATH_FIELDS and isinstance(value, str) and value[:1] not in "/$"
        if key in NO_PATHS or (key == "script" and _is_named_by_its_source(value, fields)):
            moved[key] = value
        else:
            moved[key] = joined(folder, str(value)) if is_bare_path else _moved(value, folder)
    return moved


def _is_named_by_its_source(script: Tree, fields: dict[str, Tree]) -> bool:
    """Return whether the script is named by its place in the `source_dir`."""
    source = fields.get("source_dir")
    if not isinstance(script, str) or not isinstance(source, str):
        return False
    return not joined("", script).startswith(joined("", source).rstrip("/") + "/")


def _moved(value: Tree, folder: str) -> Tree:
    if isinstance(value, dict):
        return {key: _moved(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, folder) for item in value]
    if isinstance(value, str) and value.startswith(("./", "../")):
        return joined(folder, value)
    return value
