"""Finds steps that wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.expressions import referenced_steps
from orchestrator.definition.model import walk
from orchestrator.definition.references import own_values
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.definition.model import Definition, Placed, Step


def dependencies(placed: Placed) -> set[str]:
    """Return the steps that must end before this one starts.

    Those it depends on, those whose results it reads, and the Condition step it is nested in.
    """
    step = placed.step
    branches = {placed.branches[-1].condition} if placed.branches else set()
    return branches | set(step.depends_on) | _read_steps(step)


def cycles(definition: Definition) -> Iterator[Problem]:
    """Yield a problem for each circle of steps."""
    waits = {placed.step.name: dependencies(placed) for placed in walk(definition.steps)}
    left = _after_removing_what_can_run(waits)
    while left:
        circle = _circle(left)
        shown = " -> ".join([*circle, circle[0]])
        yield Problem(f"Steps.{circle[0]}", f"these steps wait for each other: {shown}")
        for name in circle:
            left.pop(name)
        left = _after_removing_what_can_run(left)


def _read_steps(step: Step) -> set[str]:
    try:
        return referenced_steps(own_values(step))
    except DefinitionError:  # an unreadable path is reported where references are checked
        return set()


def _after_removing_what_can_run(waits: Mapping[str, set[str]]) -> dict[str, set[str]]:
    left = {
        name: {other for other in needs if other in waits and other != name}
        for name, needs in waits.items()
    }
    readers: dict[str, list[str]] = {name: [] for name in left}
    for name, needs in left.items():
        for other in needs:
            readers[other].append(name)
    ready = [name for name, needs in left.items() if not needs]
    while ready:
        name = ready.pop()
        del left[name]
        for reader in readers[name]:
            left[reader].discard(name)
            if not left[reader]:
                ready.append(reader)
    return left


def _circle(left: Mapping[str, set[str]]) -> list[str]:
    """Return one circle: every step in `left` waits for another one in it."""
    seen: list[str] = []
    position: dict[str, int] = {}
    name = min(left)
    while name not in position:
        position[name] = len(seen)
        seen.append(name)
        name = min(left[name])
    circle = seen[position[name] :]
    start = circle.index(min(circle))
    return circle[start:] + circle[:start]
