"""A condition in words, with the values found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.definition.conditions import negated

if TYPE_CHECKING:
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
    """Return `condition` as text such as `0.91 >= 0.8`."""
    if not isinstance(condition, Mapping):
        return str(condition)
    match condition.get("Type"):
        case "Not":
            return f"not ({condition_text(negated(condition), resolve)})"
        case "Or":
            return " or ".join(
                condition_text(item, resolve) for item in _items(condition, "Conditions")
            )
        case "In":
            values = ", ".join(_text(resolve(item)) for item in _items(condition, "Values"))
            return f"{_text(resolve(condition.get('QueryValue')))} in ({values})"
    left, right = resolve(condition.get("LeftValue")), resolve(condition.get("RightValue"))
    return f"{_text(left)} {_SIGNS.get(str(condition.get('Type')), '?')} {_text(right)}"


def _items(condition: Mapping[str, Json], name: str) -> list[Json]:
    found = condition.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def _text(value: Json) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
