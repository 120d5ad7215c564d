"""The steps that people want to see: all but those that everybody hopes do nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.results.model import StepResult


def shown_steps(steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps but Fail steps that were not reached, and doors that let pass.

    What lies behind such a door seems to lie where the door itself does.
    """
    hidden = {step.name: step.branch for step in steps if step.goes_without_saying}
    shown = []
    for step in steps:
        if step.name in hidden:
            continue
        branch = step.branch
        while branch is not None and branch[0] in hidden:
            branch = hidden[branch[0]]
        shown.append(replace(step, branch=branch) if branch != step.branch else step)
    return shown
