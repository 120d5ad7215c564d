"""Which gate every step is nested under, so that whatever it reads is in sight.

A door, which a smoke run does not pass, nests like a gate that stands just before its step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.compiler.smoke import door_of
from orchestrator.definition.smoke import DOOR
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.model import MetricSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.plan.model import Plan, PlannedStep

MAX_DEPTH = 30
"""Gates, one inside the other. Each costs four levels of JSON."""


@dataclass(frozen=True)
class Nesting:
    """Where steps and gates lie. A gate is named by its step; None is the top level."""

    steps: Mapping[str, str | None]
    """Step to the innermost gate it is nested under."""
    gates: Mapping[str, str | None]
    """Gate or door to the one it is nested under; earlier ones first."""


def nest(plan: Plan) -> Nesting:
    """Return where each step and each gate of `plan` lies.

    The gates that one step waits for always lie inside one another, in the plan's order, so that
    each gate is written once and every step can read whatever stands before its gates. Gates that
    no step waits for together stay side by side.

    Raises:
        SpecError: If more than `MAX_DEPTH` gates lie inside one another.
    """
    names = [name for step in plan.steps for name in (door_of(step), step.name) if name]
    order = {name: position for position, name in enumerate(names)}
    guards = _all_guards(plan)
    chains = {step: sorted(found, key=order.__getitem__) for step, found in guards.items()}
    gated = [step.name for step in plan.steps if step.gate]
    doors = set(names) - set(guards)
    gates = _forest(
        [name for name in names if name in doors or name in set(gated)],
        [*chains.values(), *([*chains[gate], gate] for gate in gated)],
    )
    _check_depth(gates)
    return Nesting({name: chain[-1] if chain else None for name, chain in chains.items()}, gates)


def _all_guards(plan: Plan) -> dict[str, frozenset[str]]:
    """Step to every gate and door before it, also on the way to what it waits for."""
    guards: dict[str, frozenset[str]] = {}
    gates_only = {step.name for step in plan.steps if step.spec.kind == "gate"}
    for step in plan.steps:
        before = [name for name in _waits_for(step) if name in guards]
        found = set(step.guards).union(*(guards[name] for name in before))
        own = {door for door in (door_of(step),) if door}
        guards[step.name] = frozenset(found | own | (gates_only & set(before)))
    return guards


def _waits_for(step: PlannedStep) -> Iterator[str]:
    yield from step.depends_on
    yield from step.guards
    for condition in step.gate.conditions if step.gate else ():
        yield condition.metric.step
        if isinstance(condition.bound, MetricSource):
            yield condition.bound.step


def _forest(order: Sequence[str], chains: Sequence[Sequence[str]]) -> dict[str, str | None]:
    """Gate to parent, such that each chain lies on one way down from a root.

    This is the elimination tree of the graph that the chains span: of each connected part the
    first gate becomes the root, and what is left of the part hangs below it.
    """
    position = {gate: index for index, gate in enumerate(order)}
    later: dict[str, set[str]] = {gate: set() for gate in order}
    for chain in chains:
        for first, second in pairwise(chain):
            later[first].add(second)
    parents: dict[str, str | None] = dict.fromkeys(order)
    top = {gate: gate for gate in order}
    for gate in reversed(order):
        for neighbour in sorted(later[gate], key=position.__getitem__):
            root = _root(top, neighbour)
            if root != gate:
                parents[root] = top[root] = gate
    return parents


def _root(top: dict[str, str], gate: str) -> str:
    while top[gate] != gate:
        top[gate] = top[top[gate]]  # Halve the way, so that a thousand gates stay linear.
        gate = top[gate]
    return gate


def _check_depth(gates: Mapping[str, str | None]) -> None:
    depth: dict[str, int] = {}
    for gate, parent in gates.items():
        depth[gate] = 1 + (depth[parent] if parent else 0)
        if depth[gate] > MAX_DEPTH:
            what = (
                f"it is the gate number {depth[gate]} in a row; at most {MAX_DEPTH} can be nested"
            )
            where = f"steps.{gate.removesuffix(DOOR)}"
            raise SpecError(Problem(f"{where}.gates", what, "Put several bounds on one gate."))
