"""What a backend tells while an execution runs: one frozen dataclass for each kind of news."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.results.model import ExecutionResult, StepResult


@dataclass(frozen=True)
class ExecutionStarted:
    """An execution is recorded and about to run; `steps` have status NotStarted or are done."""

    result: ExecutionResult
    at: datetime


@dataclass(frozen=True)
class StepStarted:
    """A step's attempt began; `attempt` counts from 1."""

    step: str
    type: str
    attempt: int
    at: datetime


@dataclass(frozen=True)
class StepProgress:
    """A job's `progress` log line. `total` is 0 when the job does not know it."""

    step: str
    current: int
    total: int
    at: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Such as `train/loss`; without the three values that have fields of their own."""
    tokens_per_second: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class StepLog:
    """One line of a job's output; `line` has no line end."""

    step: str
    line: str
    at: datetime


@dataclass(frozen=True)
class StepRetried:
    """An attempt failed and the step's retry policy asks for another after `wait_seconds`."""

    step: str
    attempt: int
    reason: str
    wait_seconds: float
    at: datetime


@dataclass(frozen=True)
class StepEnded:
    """A step succeeded, failed or was stopped, and will not be tried again."""

    result: StepResult
    at: datetime


@dataclass(frozen=True)
class ExecutionEnded:
    """Nothing more will happen."""

    result: ExecutionResult
    at: datetime


Event: TypeAlias = (
    ExecutionStarted
    | StepStarted
    | StepProgress
    | StepLog
    | StepRetried
    | StepEnded
    | ExecutionEnded
)

Listener: TypeAlias = Callable[[Event], None]
"""Called from one thread at a time; must return at once."""
