"""An execution as far as it got: states, and the loss of what trains. A fold over events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.results.board import Board
from orchestrator.results.events import (
    Event,
    ExecutionEnded,
    ExecutionStarted,
    StepEnded,
    StepProgress,
    StepRetried,
    StepStarted,
)
from orchestrator.results.model import StepResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.results.model import ExecutionResult

MOST_POINTS = 400
"""Of a loss curve; a chart is no wider. From there on every other point is dropped."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Progress:
    """What is known of an execution. `after(event)` returns what is known next."""

    result: ExecutionResult | None = None
    """None until it started."""
    board: Board = field(default_factory=Board)
    losses: Mapping[str, Points] = field(default_factory=dict)
    """Step to optimizer step and training loss."""

    def after(self, event: Event) -> Progress:
        """Return what is known once `event` happened."""
        return replace(self._told(event), board=self.board.after(event))

    def _told(self, event: Event) -> Progress:
        match event:
            case ExecutionStarted(result=result) | ExecutionEnded(result=result):
                return replace(self, result=result)
            case StepStarted(step=name, at=at):
                losses = {step: points for step, points in self.losses.items() if step != name}
                begun = replace(self.step(name), status="Executing", started_at=at, ended_at=None)
                return replace(self._with(begun), losses=losses)
            case StepRetried(step=name):
                return self._with(replace(self.step(name), status="Starting"))
            case StepEnded(result=step):
                return self._with(step)
            case StepProgress():
                return self._with_loss(event)
            case _:
                return self

    def step(self, name: str) -> StepResult:
        """Return what is known of a step, if only its name."""
        steps = self.result.steps if self.result else ()
        return next((step for step in steps if step.name == name), StepResult(name, ""))

    def _with(self, step: StepResult) -> Progress:
        if self.result is None:
            return self
        steps = tuple(step if one.name == step.name else one for one in self.result.steps)
        return replace(self, result=replace(self.result, steps=steps))

    def _with_loss(self, event: StepProgress) -> Progress:
        loss = event.metrics.get("train/loss", event.metrics.get("loss"))
        if loss is None:
            return self
        points = (*self.losses.get(event.step, ()), (float(event.current), loss))
        return replace(self, losses={**self.losses, event.step: _thinned(points)})


def _thinned(points: Points) -> Points:
    return points if len(points) <= MOST_POINTS else (*points[:-1:2], points[-1])
