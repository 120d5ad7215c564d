"""Where each field of a step got its value: the spec, an option, or a layer of defaults."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orchestrator.errors import Problem, SpecError
from orchestrator.spec.dangling import no_such_step
from orchestrator.spec.findings import INCLUDED, SET_FROM_OUTSIDE, join_path, line_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.spec.load import LoadedSpec

BUILT_IN = "built-in default"


@dataclass(frozen=True)
class FieldValue:
    """One field of a step, or of a mapping in it."""

    name: str
    """Dotted, from the step on: `gates.max.perplexity`."""
    value: Json
    layer: str
    """`spec`, `include`, `--set`, `built-in default`, or a part of `fmo.yaml`: `defaults`."""
    file: Path | None = None
    line: int | None = None

    @property
    def text(self) -> str:
        """The value as YAML and JSON both write it; text without quotes."""
        if self.value is None:
            return "-"
        return self.value if isinstance(self.value, str) else json.dumps(self.value)

    @property
    def source(self) -> str:
        """The place: `support.yaml:12`, `shared/base.yaml:4`, `fmo.yaml:3 (defaults)`, `--set`."""
        if self.file is None:
            return self.layer
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return place if self.layer in {"spec", INCLUDED} else f"{place} ({self.layer})"

    def to_json(self) -> dict[str, Json]:
        """Return the field as `--json` prints it."""
        file = str(self.file) if self.file else None
        return {
            "field": self.name,
            "value": self.value,
            "layer": self.layer,
            "file": file,
            "line": self.line,
        }


def fields_of_step(loaded: LoadedSpec, step: str, file: Path) -> tuple[FieldValue, ...]:
    """Return every field of the step, in the order of its page, and where its value came from.

    Raises:
        SpecError: If there is no such step.
    """
    found = loaded.spec.steps.get(step)
    if found is None:
        raise SpecError(Problem(step, *no_such_step(step, loaded.spec.steps), file=file))
    where = f"steps.{step}"
    unread = found.fields_without_effect(found.model_fields_set)
    return tuple(
        _located(path.removeprefix(f"{where}."), path, value, loaded, file)
        if is_set
        else FieldValue(path.removeprefix(f"{where}."), value, BUILT_IN)
        for path, value, is_set in _leaves(found, where, unread)
    )


def _leaves(
    model: BaseModel, where: str, left_out: Collection[str] = ()
) -> Iterator[tuple[str, Json, bool]]:
    """Yield path and value of every field, and whether somebody gave it."""
    plain: dict[str, Json] = model.model_dump(mode="json")
    for name in (name for name in type(model).model_fields if name not in left_out):
        path, value = join_path(where, name), getattr(model, name)
        is_set = name in model.model_fields_set
        if isinstance(value, BaseModel) and is_set:
            yield from _leaves(value, path)
        else:
            yield from _inner(plain[name], path, is_set=is_set)


def _inner(value: Json, path: str, *, is_set: bool) -> Iterator[tuple[str, Json, bool]]:
    if isinstance(value, dict) and value and is_set:
        for key, below in value.items():
            yield from _inner(below, join_path(path, key), is_set=is_set)
    else:
        yield path, value, is_set


def _located(name: str, path: str, value: Json, loaded: LoadedSpec, file: Path) -> FieldValue:
    line = line_of(loaded.lines, path)
    if line == SET_FROM_OUTSIDE:
        return FieldValue(name, value, "--set")
    origin = origin_of(loaded.origins, path)
    if origin is not None:
        return FieldValue(name, value, origin.layer, origin.file, origin.line)
    return FieldValue(name, value, "spec", file, line)
