"""What can be read of a step with `Steps.NAME....`, checked without running it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from orchestrator.definition.paths import format_path
from orchestrator.definition.step_types import STEP_TYPES
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step
    from orchestrator.definition.paths import Path
    from orchestrator.definition.shapes import Shape, Shapes


def result_problems(step: Step, path: Path, shapes: Shapes, place: str) -> Iterator[Problem]:
    """Yield why `Steps.STEP` followed by `path` will not give a value; nothing if it will."""
    match path:
        case ():
            yield Problem(place, "it names a step but nothing of it", "Add what to read of it.")
        case ("PropertyFiles", name):
            names = [declared.name for declared in step.property_files]
            yield from _one_of(name, names, f"step {step.name!r} declares no property file", place)
        case ("OutputParameters", name) if step.type in {"Lambda", "Callback"}:
            names = _names(step.extra.get("OutputParameters"))
            yield from _one_of(name, names, f"step {step.name!r} declares no output", place)
        case ("ProcessingOutputConfig", "Outputs", str(name), *_):
            yield from _attribute(step, path, shapes, place)
            outputs = step.arguments.get("ProcessingOutputConfig")
            names = _names(outputs.get("Outputs") if isinstance(outputs, Mapping) else None)
            yield from _one_of(name, names, f"step {step.name!r} has no output", place)
        case _:
            yield from _attribute(step, path, shapes, place)


def did_you_mean(name: str | int, known: Collection[str]) -> str:
    """Return a sentence that names the closest of `known`, or all of them if they are few."""
    if close := get_close_matches(str(name), known, 1):
        return f"Did you mean {close[0]!r}?"
    if not known:
        return "There are none."
    few = ", ".join(sorted(known)[:20])
    return f"There are {few}{', ...' if len(known) > 20 else ''}."


def _attribute(step: Step, path: Path, shapes: Shapes, place: str) -> Iterator[Problem]:
    known = STEP_TYPES.get(step.type)
    if known is None or known.results is None or path[0] in known.result_names:
        return
    roots = [shapes.shape(known.service, name) for name in known.results]
    members = {name: shape for root in roots if root for name, shape in root.members.items()}
    if path[0] not in members:
        what = f"a {step.type} step has no result {format_path(path[:1])!r}"
        yield Problem(place, what, did_you_mean(path[0], [*members, *known.result_names]))
        return
    first = shapes.shape(known.service, members[str(path[0])])
    yield from _inside(known.service, first, path, shapes, place)


def _inside(
    service: str, shape: Shape | None, path: Path, shapes: Shapes, place: str
) -> Iterator[Problem]:
    for position, segment in enumerate(path[1:], start=1):
        if shape is None or shape.type == "any":
            return
        following = _child(shape, segment)
        if following is None:
            what = f"{format_path(path[:position])} has no {segment!r}"
            yield Problem(place, what, did_you_mean(segment, shape.members))
            return
        shape = shapes.shape(service, following)
    if shape is not None and shape.type in {"structure", "list", "map"}:
        kind = "an object" if shape.type != "list" else "a list"
        yield Problem(place, f"it ends at {kind}", "Go on to one value.")


def _child(shape: Shape, segment: str | int) -> str | None:
    if shape.type == "list":
        return shape.member
    if isinstance(segment, int):
        return None
    return shape.value if shape.type == "map" else shape.members.get(segment)


def _one_of(name: str | int, names: list[str], what: str, place: str) -> Iterator[Problem]:
    if name not in names:
        yield Problem(place, f"{what} {name!r}", did_you_mean(name, names))


def _names(outputs: Json) -> list[str]:
    if not isinstance(outputs, list | tuple):
        return []
    return [
        str(output["OutputName"])
        for output in outputs
        if isinstance(output, Mapping) and "OutputName" in output
    ]
