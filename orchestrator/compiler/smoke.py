"""What a smoke run leaves out: what publishes a model or pays a service, each behind a door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.model import Step
from orchestrator.definition.smoke import DOOR, is_smoke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.plan.model import PlannedStep


LEFT_OUT = frozenset(("bedrock", "bedrock_import", "register"))
"""Kinds that publish a model, or have another service train one."""


def door_of(step: PlannedStep) -> str | None:
    """Return the name of the Condition step that keeps `step` out of smoke runs, if it has one."""
    return f"{step.name}{DOOR}" if step.spec.kind in LEFT_OUT else None


def compile_door(name: str, behind: Sequence[Step]) -> Step:
    """Return the Condition step whose `IfSteps` hold what a smoke run leaves out."""
    return Step(
        name=name,
        type="Condition",
        conditions=(is_smoke(wanted=False),),
        if_steps=tuple(behind),
    )
