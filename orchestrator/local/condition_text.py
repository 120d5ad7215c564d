"""A condition in words, with the values found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.definition.conditions import evaluate_condition, negated
from orchestrator.definition.paths import parse_path
from orchestrator.definition.smoke import is_smoke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.definition.expressions import Resolve
    from orchestrator.definition.json import Json

_SIGNS = {
    "Equals": "==",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}


def condition_text(condition: Json, resolve: Resolve) -> str:
    """Return `condition` as text such as `accuracy 0.91 >= 0.8`."""
    if not isinstance(condition, Mapping):
        return str(condition)
    if condition == is_smoke(wanted=False):
        return (
            "no smoke run" if evaluate_condition(condition, resolve) else "left out of smoke runs"
        )
    match condition.get("Type"):
        case "Not":
            return f"not ({condition_text(negated(condition), resolve)})"
        case "Or":
            return _alternatives(_items(condition, "Conditions"), resolve)
        case "In":
            values = ", ".join(_text(resolve(item)) for item in _items(condition, "Values"))
            return f"{_text(resolve(condition.get('QueryValue')))} in ({values})"
    left, right = (_side(condition.get(name), resolve) for name in ("LeftValue", "RightValue"))
    return f"{left} {_SIGNS.get(str(condition.get('Type')), '?')} {right}"


def _alternatives(items: Sequence[Json], resolve: Resolve) -> str:
    """What is compared; that a gate opens by itself in a smoke run is told only there."""
    rest = [item for item in items if item != is_smoke(wanted=True)]
    text = " or ".join(condition_text(item, resolve) for item in rest)
    if len(rest) == len(items) or not evaluate_condition(is_smoke(wanted=True), resolve):
        return text
    held = any(evaluate_condition(item, resolve) for item in rest)
    return text if held else f"{text} (not enforced)"


def _side(value: Json, resolve: Resolve) -> str:
    found = _text(resolve(value))
    body = value.get("Std:JsonGet") if isinstance(value, Mapping) else None
    path = body.get("Path") if isinstance(body, Mapping) else None
    if not isinstance(path, str):
        return found
    return f"{parse_path(path)[-1]} {found}"


def _items(condition: Mapping[str, Json], name: str) -> list[Json]:
    found = condition.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def _text(value: Json) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
