"""Checks what steps say of each other: dependencies, and the paths of their expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.definition.expressions import (
    EXECUTION_VARIABLES,
    expression_kind,
    expressions,
    get_path,
    joined_text,
    property_file_of,
)
from orchestrator.definition.model import CONDITION, Placed, Step, walk
from orchestrator.definition.paths import parse_path
from orchestrator.definition.results import did_you_mean, result_problems
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition
    from orchestrator.definition.paths import Path
    from orchestrator.definition.shapes import Shapes

_LOOP_ROOTS = {"ForEach", "IterationOutput"}


def where(step: Step) -> str:
    """Return how messages name a step."""
    return f"Steps.{step.name}"


def own_values(step: Step) -> Mapping[str, Json]:
    """Return what of a step may hold expressions, without its nested steps."""
    return {"Arguments": step.arguments, "Conditions": step.conditions, **step.extra}


@dataclass(frozen=True)
class ReferenceChecker:
    """Finds dangling references and dependencies that SageMaker refuses."""

    definition: Definition
    shapes: Shapes

    @cached_property
    def placed(self) -> dict[str, Placed]:
        """Step name to the step and the branches it lies in."""
        return {found.step.name: found for found in walk(self.definition.steps)}

    def problems(self, placed: Placed) -> Iterator[Problem]:
        """Yield the problems of one step's dependencies and expressions."""
        step = placed.step
        for name in step.depends_on:
            yield from self._dependency(placed, name)
        for member, value in own_values(step).items():
            for expression in expressions(value):
                yield from self._expression(placed, expression, f"{where(step)}.{member}")

    def _dependency(self, placed: Placed, name: str) -> Iterator[Problem]:
        place = f"{where(placed.step)}.DependsOn"
        target = self.placed.get(name)
        if target is None:
            yield Problem(place, f"there is no step {name!r}", did_you_mean(name, self.placed))
        elif target.step.type == CONDITION:
            yield Problem(
                place,
                f"SageMaker refuses a step that depends on a Condition step, {name!r}",
                "Nest this step in its IfSteps or ElseSteps.",
            )
        else:
            yield from _reach(placed, target, place)

    def _expression(self, placed: Placed, expression: Json, place: str) -> Iterator[Problem]:
        try:
            match expression_kind(expression):
                case "Get":
                    yield from self._get(placed, expression, place)
                case "Std:Join":
                    yield from _join(expression, place)
                case _:
                    yield from self._json_get(expression, place)
        except DefinitionError as error:
            for problem in error.problems:
                yield Problem(place, f"{problem.where}: {problem.what}", problem.fix)

    def _get(self, placed: Placed, expression: Json, place: str) -> Iterator[Problem]:
        text = get_path(expression)
        place = f"{place}: {text}"
        match parse_path(text):
            case ("Parameters", str(name)):
                names = [parameter.name for parameter in self.definition.parameters]
                if name not in names:
                    what = f"there is no parameter {name!r}"
                    yield Problem(place, what, did_you_mean(name, names))
            case ("Execution", str(name)):
                if name not in EXECUTION_VARIABLES:
                    fix = f"Use one of {', '.join(EXECUTION_VARIABLES)}."
                    yield Problem(place, f"there is no execution variable {name!r}", fix)
            case ("Steps", str(name), *rest):
                yield from self._step_result(placed, name, tuple(rest), place)
            case (root, *_) if root not in _LOOP_ROOTS:
                fix = "Begin with Parameters., Steps. or Execution."
                yield Problem(place, f"{root!r} is not something to get", fix)

    def _step_result(self, placed: Placed, name: str, path: Path, place: str) -> Iterator[Problem]:
        target = self.placed.get(name)
        if target is None:
            yield Problem(place, f"there is no step {name!r}", did_you_mean(name, self.placed))
        else:
            yield from _reach(placed, target, place)
            yield from result_problems(target.step, path, self.shapes, place)

    def _json_get(self, expression: Json, place: str) -> Iterator[Problem]:
        body = expression.get("Std:JsonGet") if isinstance(expression, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(body.get("Path"), str):
            yield Problem(place, "a Std:JsonGet needs a Path, and PropertyFile or S3Uri")
            return
        parse_path(str(body["Path"]))
        if "S3Uri" not in body:
            property_file_of(body)


def _join(expression: Json, place: str) -> Iterator[Problem]:
    match expression:
        case {"Std:Join": {"On": str(), "Values": [*values]}}:
            for value in values:
                if expression_kind(value) is None:
                    joined_text(value)
        case _:
            yield Problem(place, "a Std:Join needs On, a text, and Values, a list")


def _reach(reader: Placed, target: Placed, place: str) -> Iterator[Problem]:
    """Yield a problem if `target` lies in a branch that `reader` is not in."""
    if target.step.name == reader.step.name:
        yield Problem(place, "a step cannot read or wait for itself")
    elif reader.branches[: len(target.branches)] != target.branches:
        branch = target.branches[-1]
        yield Problem(
            place,
            f"step {target.step.name!r} is nested in {branch.side} of {branch.condition!r}, "
            f"and step {reader.step.name!r} is not",
            "Nest both in the same branch.",
        )
