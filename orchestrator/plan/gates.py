"""Gates: the verdict on a step's metrics, and which of them stand before each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.model import (
    GateCondition,
    MetricSource,
    ParameterValue,
    PlannedGate,
)
from orchestrator.plan.references import parse_reference
from orchestrator.spec.gate import GateSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.plan.kinds import StepFacts
    from orchestrator.spec.fields import Gates
    from orchestrator.spec.pipeline import StepSpec


def gate_of(name: str, spec: StepSpec, facts: StepFacts) -> PlannedGate | None:
    """Return the gate on the step called `name`, or the one that it is; None if there is none."""
    if isinstance(spec, GateSpec):
        return PlannedGate(name, tuple(_compared(spec)), any=spec.any, otherwise=spec.otherwise)
    conditions = tuple(_conditions(name, facts.gates)) if facts.gates else ()
    if facts.gates is None or not conditions:
        return None
    return PlannedGate(name, conditions, otherwise=facts.gates.otherwise)


def metrics_compared_by(spec: StepSpec) -> Iterator[tuple[str, str]]:
    """Yield field and text of every `$step.metrics.NAME` of a gate step."""
    for index, condition in enumerate(spec.conditions if isinstance(spec, GateSpec) else ()):
        named = {"metric": condition.metric, "min": condition.min, "max": condition.max}
        for name, value in named.items():
            if isinstance(value, str) and not isinstance(parse_reference(value), ParameterValue):
                yield f"conditions[{index}].{name}", value


def bounds_of(gate: PlannedGate | None, spec: StepSpec) -> Iterator[tuple[str, str]]:
    """Yield field and parameter of every bound that is `$params.Name`."""
    for index, condition in enumerate(gate.conditions if gate else ()):
        if isinstance(condition.bound, ParameterValue):
            side = condition.comparison
            field = f"gates.{side}.{condition.metric.metric}"
            if isinstance(spec, GateSpec):
                field = f"conditions[{index}].{side}"
            yield field, condition.bound.name


def guards_of(
    needed: tuple[str, ...],
    gated: frozenset[str],
    guards: Mapping[str, tuple[str, ...]],
    position: Mapping[str, int],
) -> tuple[str, ...]:
    """Return the gates that stand before a step, directly or not, in topological order.

    Args:
        needed: The steps that it waits for.
        gated: Every step with a gate.
        guards: What stands before each of `needed`.
        position: Of each step in the topological order.
    """
    found = {name for name in needed if name in gated}
    for name in needed:
        found.update(guards[name])
    return tuple(sorted(found, key=position.__getitem__))


def _conditions(name: str, gates: Gates) -> Iterator[GateCondition]:
    for side, bounds in (("max", gates.max), ("min", gates.min)):
        for metric, bound in bounds.items():
            value = _bound(bound)
            if value is not None:
                yield GateCondition(MetricSource(name, metric), side, value)


def _compared(spec: GateSpec) -> Iterator[GateCondition]:
    for condition in spec.conditions:
        metric = parse_reference(condition.metric)
        side, written = ("min", condition.min) if condition.max is None else ("max", condition.max)
        bound = _bound(written)
        # What names nothing is refused where references are linked.
        if isinstance(metric, MetricSource) and bound is not None:
            yield GateCondition(metric, side, bound)


def _bound(bound: float | str | None) -> float | ParameterValue | MetricSource | None:
    if not isinstance(bound, str):
        return bound
    reference = parse_reference(bound)
    return reference if isinstance(reference, ParameterValue | MetricSource) else None
