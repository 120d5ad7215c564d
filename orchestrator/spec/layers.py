"""Defaults laid under the steps of a spec, and where each value came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.spec.fields import StepModel
from orchestrator.spec.findings import Origin, join_path
from orchestrator.spec.models import step_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orchestrator.spec.composer import Tree


@dataclass(frozen=True)
class Layer:
    """Fields per step kind, as one place of a project file gives them."""

    file: Path
    path: str
    """Where they stand in it: `defaults`, or `environments.prod.defaults`."""
    kinds: Mapping[str, Mapping[str, Tree]]
    lines: Mapping[str, int]
    """Of the file, by path from its root."""
    up: str = ""
    """From the spec's folder to the file's: `../`, as often as needed."""


def lay_under(
    data: dict[str, Tree], layers: Sequence[Layer]
) -> tuple[dict[str, Tree], dict[str, Origin]]:
    """Return `data` with every field that a step leaves out, and where each one came from.

    Args:
        data: A spec with canonical names.
        layers: The strongest first.
    """
    steps = data.get("steps")
    if not isinstance(steps, dict) or not layers:
        return data, {}
    origins: dict[str, Origin] = {}
    filled = {
        name: _filled(step, f"steps.{name}", layers, origins) if isinstance(step, dict) else step
        for name, step in steps.items()
    }
    return {**data, "steps": filled}, origins


def _filled(
    step: dict[str, Tree], where: str, layers: Sequence[Layer], origins: dict[str, Origin]
) -> Tree:
    kind = step.get("kind")
    for layer in layers:
        fields = layer.kinds.get(kind) if isinstance(kind, str) else None
        if fields:
            fields = _with_effect(fields, str(kind), step)
            step = _merged(step, fields, where, f"{layer.path}.{kind}", layer, origins)
    return step


def _with_effect(
    fields: Mapping[str, Tree], kind: str, step: Mapping[str, Tree]
) -> Mapping[str, Tree]:
    """Return `fields` without those that mean nothing to a step that gives what `step` gives."""
    model = step_models().get(kind)
    if model is None or not issubclass(model, StepModel):
        return fields
    unread = model.fields_without_effect(step.keys())
    return {name: value for name, value in fields.items() if name not in unread}


def _merged(
    own: dict[str, Tree],
    under: Mapping[str, Tree],
    where: str,
    path: str,
    layer: Layer,
    origins: dict[str, Origin],
) -> dict[str, Tree]:
    merged = dict(own)
    for key, value in under.items():
        place, source, written = join_path(where, key), join_path(path, key), merged.get(key)
        if key not in merged:
            origins[place] = Origin(layer.file, source, layer.lines.get(source), layer.path)
            merged[key] = written = {} if isinstance(value, dict) else _from_here(value, layer.up)
        if isinstance(value, dict) and isinstance(written, dict):
            merged[key] = _merged(written, value, place, source, layer, origins)
    return merged


def _from_here(value: Tree, up: str) -> Tree:
    """Return `value` with paths relative to the spec instead of the project file."""
    if isinstance(value, str) and value.startswith(("./", "../")):
        return up + value.removeprefix("./") if up else value
    if isinstance(value, list):
        return [_from_here(item, up) for item in value]
    return value
