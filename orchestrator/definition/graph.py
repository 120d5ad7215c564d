"""The steps of a definition with what each waits for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.definition.expressions import referenced_steps
from orchestrator.definition.model import walk
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.definition.model import Branch, Definition, Step

Graph: TypeAlias = "Mapping[str, Node]"
"""Every step by name, in the definition's order, nested steps after their Condition step."""


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A step's name, which on this machine is also a folder's."""


@dataclass(frozen=True)
class Node:
    """One step and what it waits for."""

    step: Step
    branch: Branch | None
    """The side of the Condition step it lies in directly."""
    depends_on: tuple[str, ...]
    """Steps that must have succeeded, sorted: those it reads and those it names."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """All steps that must have ended: `depends_on`, and the Condition step around it."""
        around = (self.branch.condition,) if self.branch else ()
        return tuple(dict.fromkeys((*self.depends_on, *around)))


def build_graph(definition: Definition) -> Graph:
    """Return the steps of `definition` and what they wait for.

    Raises:
        DefinitionError: For duplicate names, unknown steps and cycles, all at once.
    """
    placed = list(walk(definition.steps))
    nodes = {
        item.step.name: Node(
            item.step, item.branches[-1] if item.branches else None, _dependencies(item.step)
        )
        for item in placed
    }
    names = [item.step.name for item in placed]
    problems = (
        [
            Problem(f"steps.{name}", "the name is used twice", "Give each step its own name.")
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if len(nodes) != len(names)
        else []
    )
    problems += [_unusable(name) for name in nodes if not _NAME.fullmatch(name)]
    for name, node in nodes.items():
        problems += [_unknown(name, other) for other in node.depends_on if other not in nodes]
    if not problems:
        problems = [
            Problem(f"steps.{name}", "it waits for itself through other steps", "Break the circle.")
            for name in _circular(nodes)
        ]
    if problems:
        raise DefinitionError(problems)
    return nodes


def dependents(graph: Graph) -> dict[str, list[str]]:
    """Return, for each step, those that wait for it."""
    found: dict[str, list[str]] = {name: [] for name in graph}
    for name, node in graph.items():
        for other in node.waits_for:
            found[other].append(name)
    return found


def _dependencies(step: Step) -> tuple[str, ...]:
    read = referenced_steps(step.arguments) | referenced_steps(step.conditions)
    return tuple(sorted({*step.depends_on, *read}))


def _circular(graph: Graph) -> list[str]:
    """Return the steps that no order reaches."""
    left = {name: len(node.waits_for) for name, node in graph.items()}
    free = [name for name, count in left.items() if count == 0]
    after = dependents(graph)
    while free:
        name = free.pop()
        del left[name]
        for other in after[name]:
            left[other] -= 1
            if left[other] == 0:
                free.append(other)
    return list(left)


def _unusable(name: str) -> Problem:
    fix = "Use at most 64 letters, digits, hyphens and underscores."
    return Problem(f"steps.{name}", f"{name!r} cannot be a step's name", fix)


def _unknown(name: str, other: str) -> Problem:
    return Problem(f"steps.{name}", f"it waits for {other!r}, and there is no such step")
