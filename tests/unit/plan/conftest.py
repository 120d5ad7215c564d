from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec_with_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.plan.model import Plan

FILE = Path("spec.yaml")


def plan_text(steps: str, parameters: str = "") -> tuple[Plan, list[str]]:
    head = f"name: x\nparameters: {{{parameters}}}\nsteps:\n"
    body = "".join(f"  {line}\n" for line in steps.strip().splitlines())
    loaded = load_spec_with_lines(head + body, file=FILE)
    plan, warnings = build_plan(loaded.spec, file=FILE, lines=loaded.lines)
    return plan, [str(warning) for warning in warnings]


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    """Return a function from steps, one a line, to their plan."""
    return lambda steps, parameters="": plan_text(steps, parameters)[0]


@pytest.fixture
def warnings_of() -> Callable[..., list[str]]:
    """Return a function from steps, the first on line 4, to the texts of the warnings."""
    return lambda steps, parameters="": plan_text(steps, parameters)[1]


@pytest.fixture
def problems_of() -> Callable[..., list[str]]:
    """Return a function from steps, the first on line 4, to the texts of the problems."""

    def read(steps: str, parameters: str = "") -> list[str]:
        with pytest.raises(SpecError) as caught:
            plan_text(steps, parameters)
        return [str(problem) for problem in caught.value.problems]

    return read
