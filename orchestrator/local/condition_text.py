"""A condition in words, with the values found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from orchestrator.definition.conditions import evaluate_condition, negated
from orchestrator.definition.expressions import expressions, json_document, referenced_steps
from orchestrator.definition.json import type_name
from orchestrator.definition.paths import parse_path
from orchestrator.definition.registry import asks_for_no_champion
from orchestrator.definition.smoke import is_smoke
from orchestrator.errors import FmoError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.definition.expressions import Resolve, Resolver
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


def unread_metrics(conditions: Sequence[Json], values: Resolver) -> list[Problem]:
    """Return which of the metrics that `conditions` compare are not there, or no numbers."""
    found = (
        _metric_problem(expression["Std:JsonGet"], values)
        for expression in expressions(list(conditions))
        if isinstance(expression, Mapping) and "Std:JsonGet" in expression
    )
    return list(dict.fromkeys(problem for problem in found if problem is not None))


def _metric_problem(body: Json, values: Resolver) -> Problem | None:
    if not isinstance(body, Mapping):
        return None
    path = parse_path(str(body.get("Path")))
    if len(path) != 1:
        return None  # A file of another tool's own making.
    steps = sorted(referenced_steps(body))
    where = f"{steps[0]}.metrics" if steps else str(body.get("S3Uri"))
    try:
        document = json_document(body, values)
    except FmoError:
        what = "the step wrote no metrics.json that can be read"
        return Problem(where, what, "Let its script write one, or remove the gate.")
    if not isinstance(document, Mapping):
        return Problem(where, "metrics.json holds no object", "Write {NAME: NUMBER}.")
    return _value_problem(where, str(path[0]), document)


def _value_problem(where: str, name: str, document: Mapping[str, Json]) -> Problem | None:
    if name not in document:
        near = get_close_matches(name, document, 1)
        fix = f"Did you mean {near[0]!r}?" if near else "Name one of these, or let it be written."
        listed = ", ".join(sorted(document)) or "nothing"
        return Problem(where, f"there is no {name!r} in metrics.json (found: {listed})", fix)
    value = document[name]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return None
    what = f"{name!r} in metrics.json is {type_name(value)}, {json.dumps(value)[:40]}"
    return Problem(where, what, "Write a number.")


def _alternatives(items: Sequence[Json], resolve: Resolve) -> str:
    """What is compared; that a gate opens by itself is told only where it does."""
    own = [item for item in items if item != is_smoke(wanted=True)]
    rest = [item for item in own if not asks_for_no_champion(item)]
    text = " or ".join(condition_text(item, resolve) for item in rest)
    if any(evaluate_condition(item, resolve) for item in own if item not in rest):
        return f"{text} (no champion yet)"
    if len(own) == len(items) or not evaluate_condition(is_smoke(wanted=True), resolve):
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
