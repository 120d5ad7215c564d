"""All that can be known to be wrong with a definition before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.cycles import cycles
from orchestrator.definition.model import walk
from orchestrator.definition.references import ReferenceChecker, where
from orchestrator.definition.requests import RequestChecker, unknown_member
from orchestrator.definition.step_types import STEP_TYPES, StepType
from orchestrator.definition.structure import definition_problems, step_problems
from orchestrator.definition.traps import trap_problems
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.definition.model import Definition, Step
    from orchestrator.definition.shapes import Shapes


def validate(definition: Definition, shapes: Shapes) -> tuple[Problem, ...]:
    """Return every problem of `definition`: of the whole, of each step in order, and cycles."""
    return tuple(_problems(definition, shapes))


def _problems(definition: Definition, shapes: Shapes) -> Iterator[Problem]:
    references = ReferenceChecker(definition, shapes)
    yield from definition_problems(definition)
    for placed in walk(definition.steps):
        place = where(placed.step)
        yield from step_problems(placed.step, place)
        yield from _argument_problems(placed.step, definition, shapes)
        yield from trap_problems(placed.step, place)
        yield from references.problems(placed)
    yield from cycles(definition)


def _argument_problems(step: Step, definition: Definition, shapes: Shapes) -> Iterator[Problem]:
    known = STEP_TYPES.get(step.type)
    if known is None:
        return
    place = f"{where(step)}.Arguments"
    parameters = {parameter.name: parameter for parameter in definition.parameters}
    checker = RequestChecker(shapes, known.service, parameters)
    if known.operation is None:
        yield from _plain_arguments(step, known, checker, place)
        return
    shape = shapes.input_of(known.service, known.operation)
    if shape is None:
        what = f"the installed botocore does not know {known.operation}"
        yield Problem(place, what, "Install a newer boto3.")
    else:
        yield from checker.members(step.arguments, shape, place, optional=known.filled_in)


def _plain_arguments(
    step: Step, known: StepType, checker: RequestChecker, place: str
) -> Iterator[Problem]:
    for name in known.required:
        if name not in step.arguments:
            yield Problem(place, f"{name} is missing")
    for name, value in step.arguments.items():
        part = known.parts.get(name)
        if part is not None:
            yield from checker.value(value, part.shape, f"{place}.{name}", optional=part.filled_in)
        elif known.fields is not None and name not in known.fields:
            yield unknown_member(place, name, sorted(known.fields))
