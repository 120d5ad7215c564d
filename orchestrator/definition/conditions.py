"""The conditions of a Condition step: written, and decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.definition.json import type_name
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from orchestrator.definition.expressions import Resolve
    from orchestrator.definition.json import Json

COMPARISONS = (
    "Equals",
    "GreaterThan",
    "GreaterThanOrEqualTo",
    "LessThan",
    "LessThanOrEqualTo",
)
CONDITION_TYPES = (*COMPARISONS, "In", "Not", "Or")
"""sagemaker 3.27, core/workflow/conditions.py. A list of conditions means that all must hold."""


class Comparison(dict[str, "Json"]):
    """`left` against `right`; `type` is one of `COMPARISONS`."""

    def __init__(self, type: str, left: Json, right: Json) -> None:  # noqa: A002 - its AWS name
        super().__init__({"Type": type, "LeftValue": left, "RightValue": right})


class In(dict[str, "Json"]):
    """`value` is one of `values`."""

    def __init__(self, value: Json, values: Sequence[Json]) -> None:
        super().__init__({"Type": "In", "QueryValue": value, "Values": list(values)})


class Not(dict[str, "Json"]):
    """`condition` does not hold."""

    def __init__(self, condition: Json) -> None:
        super().__init__({"Type": "Not", "Condition": condition})


class Or(dict[str, "Json"]):
    """At least one of `conditions` holds."""

    def __init__(self, conditions: Sequence[Json]) -> None:
        super().__init__({"Type": "Or", "Conditions": list(conditions)})


def evaluate_conditions(conditions: Sequence[Json], resolve: Resolve) -> bool:
    """Return whether all of `conditions` hold."""
    return all(evaluate_condition(condition, resolve) for condition in conditions)


def evaluate_condition(condition: Json, resolve: Resolve) -> bool:
    """Return whether `condition` holds; `resolve` gives the value of an expression.

    Raises:
        DefinitionError: If it is malformed, or orders what is not two numbers.
    """
    if not isinstance(condition, Mapping):
        raise DefinitionError(Problem("condition", f"{type_name(condition)} is not a condition"))
    match condition.get("Type"):
        case "Not":
            return not evaluate_condition(negated(condition), resolve)
        case "Or":
            alternatives = _list(condition, "Conditions")
            return any(evaluate_condition(item, resolve) for item in alternatives)
        case "In":
            value = resolve(_member(condition, "QueryValue"))
            return any(_equal(value, resolve(item)) for item in _list(condition, "Values"))
        case str(kind) if kind in COMPARISONS:
            left = resolve(_member(condition, "LeftValue"))
            return _compare(kind, left, resolve(_member(condition, "RightValue")))
        case kind:
            known = ", ".join(CONDITION_TYPES)
            problem = Problem("condition", f"the type {kind!r} is unknown", f"Use one of {known}.")
            raise DefinitionError(problem)


def negated(condition: Mapping[str, Json]) -> Json:
    """Return the condition inside a `Not`."""
    # The SDK's version 3 writes Condition, its version 2 wrote Expression.
    return _member(condition, "Expression" if "Expression" in condition else "Condition")


def _compare(kind: str, left: Json, right: Json) -> bool:
    if kind == "Equals":
        return _equal(left, right)
    a, b = _number(kind, left), _number(kind, right)
    match kind:
        case "GreaterThan":
            return a > b
        case "GreaterThanOrEqualTo":
            return a >= b
        case "LessThan":
            return a < b
        case _:
            return a <= b


def _equal(left: Json, right: Json) -> bool:
    # Python says True == 1; JSON does not.
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _number(kind: str, value: Json) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise DefinitionError(
        Problem(f"condition {kind}", f"cannot order {type_name(value)}, {value!r}", "Use numbers.")
    )


def _member(condition: Mapping[str, Json], name: str) -> Json:
    if name not in condition:
        raise DefinitionError(Problem(f"condition {condition.get('Type')}", f"{name} is missing"))
    return condition[name]


def _list(condition: Mapping[str, Json], name: str) -> Sequence[Json]:
    value = _member(condition, name)
    if isinstance(value, list | tuple):
        return value
    problem = Problem(f"condition {condition.get('Type')}", f"{name} must be a list")
    raise DefinitionError(problem)
