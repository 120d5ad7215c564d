"""What is known of each step while an execution runs: a fold over events, shown live."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.results.events import (
    Event,
    ExecutionEnded,
    ExecutionStarted,
    StepEnded,
    StepLog,
    StepProgress,
    StepRetried,
    StepStarted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orchestrator.results.model import ExecutionResult, StepResult, StepStatus


@dataclass(frozen=True)
class Row:
    """One step, as the live display shows it."""

    name: str
    type: str
    status: StepStatus = "NotStarted"
    cached: bool = False
    started_at: datetime | None = None
    seconds: float | None = None
    attempt: int = 0
    current: int = 0
    total: int = 0
    loss: float | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    note: str = ""
    """Why it failed or is tried again."""


@dataclass(frozen=True)
class Board:
    """All rows in the definition's order. `after(event)` returns the next board."""

    execution_id: str = ""
    pipeline_name: str = ""
    started_at: datetime | None = None
    rows: Mapping[str, Row] = field(default_factory=dict)

    def after(self, event: Event) -> Board:
        """Return what is known once `event` happened."""
        match event:
            case ExecutionStarted(result=result) | ExecutionEnded(result=result):
                return _from_result(result)
            case StepEnded(result=step):
                return self._with(_ended(step))
            case StepStarted():
                return self._with(_started(event))
            case StepProgress():
                return self._with(_progressed(self.row(event.step), event))
            case StepRetried():
                note = f"attempt {event.attempt} failed, next in {event.wait_seconds:.0f} s"
                return self._with(replace(self.row(event.step), status="Starting", note=note))
            case StepLog():
                return self

    def row(self, step: str) -> Row:
        """Return what is known of `step`, if only its name."""
        return self.rows.get(step, Row(name=step, type=""))

    def _with(self, row: Row) -> Board:
        known = self.row(row.name)
        return replace(
            self, rows={**self.rows, row.name: replace(row, type=row.type or known.type)}
        )


def _from_result(result: ExecutionResult) -> Board:
    return Board(
        execution_id=result.execution_id,
        pipeline_name=result.pipeline_name,
        started_at=result.started_at,
        rows={step.name: _ended(step) for step in result.steps},
    )


def _ended(step: StepResult) -> Row:
    return Row(
        name=step.name,
        type=step.type,
        status=step.status,
        cached=step.cached,
        started_at=step.started_at,
        seconds=step.seconds,
        attempt=step.attempts,
        loss=final_loss(step),
        note=(step.failure_reason or "").strip().partition("\n")[0],
    )


def final_loss(step: StepResult) -> float | None:
    """Return the last validation loss of a training step, or else the last training loss."""
    for name in ("eval/loss", "eval_loss", "train/loss", "train_loss"):
        if name in step.metrics:
            return step.metrics[name]
    return None


def _started(event: StepStarted) -> Row:
    return Row(
        name=event.step,
        type=event.type,
        status="Executing",
        started_at=event.at,
        attempt=event.attempt,
    )


def _progressed(row: Row, event: StepProgress) -> Row:
    loss = event.metrics.get("train/loss", event.metrics.get("loss"))
    return replace(
        row,
        status="Executing",
        current=event.current,
        total=event.total,
        loss=row.loss if loss is None else loss,
        tokens_per_second=event.tokens_per_second or row.tokens_per_second,
        seconds_left=event.seconds_left,
        note="",
    )
