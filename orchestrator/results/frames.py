"""Results as pandas data frames. pandas is imported when somebody asks for one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator.errors import InputError, Problem
from orchestrator.results.evaluation import evaluation_rows
from orchestrator.results.shown import shown_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from orchestrator.results.evaluation import EvaluationRow, Score
    from orchestrator.results.model import ExecutionResult, StepResult


def execution_frame(result: ExecutionResult) -> DataFrame:
    """Return one row per step, by its name; each metric has a column `metrics.NAME`.

    The Fail step of a gate that did not fail has none.
    """
    rows = [
        {
            "step": step.name,
            "type": step.type,
            "status": step.status,
            "started_at": step.started_at,
            "ended_at": step.ended_at,
            "seconds": step.seconds,
            "cached": step.cached,
            "attempts": step.attempts,
            "failure_reason": step.failure_reason,
            **{f"metrics.{name}": value for name, value in step.metrics.items()},
        }
        for step in shown_steps(result.steps)
    ]
    return _pandas().DataFrame(rows).set_index("step")


def step_frame(step: StepResult) -> DataFrame:
    """Return the loss history of a training step, or else the evaluation, or else the metrics.

    The history has a row per logged optimizer step, the evaluation one per task and metric.
    """
    pandas = _pandas()
    if step.history:
        return pandas.DataFrame([dict(row) for row in step.history])
    evaluation = evaluation_rows(step.table)
    if evaluation:
        return pandas.DataFrame([dict(_columns(row)) for row in evaluation])
    return pandas.DataFrame(step.metrics.items(), columns=["metric", "value"])


def _columns(row: EvaluationRow) -> Iterator[tuple[str, object]]:
    yield from (("task", row.task), ("metric", row.metric), ("rows", row.rows))
    yield from _score("model", row.model)
    for name, score in row.baselines.items():
        yield from _score(name, score)
    yield "verdict", row.verdict


def _score(name: str, score: Score) -> Iterator[tuple[str, float]]:
    yield name, score.value
    if score.low is not None and score.high is not None:
        yield f"{name}_low", score.low
        yield f"{name}_high", score.high


def _pandas() -> Any:
    try:
        return import_module("pandas")
    except ImportError as error:
        what = "pandas is not installed"
        fix = "pip install 'fm-orchestrator[notebook]', or pip install pandas."
        raise InputError(Problem("to_pandas", what, fix)) from error
