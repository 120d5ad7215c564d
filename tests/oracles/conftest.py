"""What the SDK wrote, and how to look at it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], dict[str, Any]]:
    """Call it with a fixture's name to get the definition that the SDK wrote."""

    def read(name: str) -> dict[str, Any]:
        document = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
        definition: dict[str, Any] = document["definition"]
        return definition

    return read


@pytest.fixture(scope="session")
def members_by_type() -> Callable[[list[dict[str, Any]]], dict[str, set[str]]]:
    """Call it with steps to get, for each step type, the paths of all members they write."""

    def found(steps: list[dict[str, Any]]) -> dict[str, set[str]]:
        result: dict[str, set[str]] = {}
        for step in _walk(steps):
            condition = step["Type"] == "Condition"
            shown = {k: v for k, v in step.items() if not condition or k != "Arguments"}
            result.setdefault(step["Type"], set()).update(_paths(shown, ""))
        return result

    return found


def _walk(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            yield from _walk(step["Arguments"]["IfSteps"])
            yield from _walk(step["Arguments"]["ElseSteps"])


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and not {"Get", "Std:Join", "Std:JsonGet"} & set(value):
        for name, member in value.items():
            yield from _paths(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _paths(item, f"{path}[]")
    else:
        yield path
