"""Step kind `evaluate`: a model on sealed test data, beside its base and simple baselines."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.fields import Gates, Integer, JobModel, Location


class EvaluateSpec(JobModel):
    """Metrics of a model on held-out rows, each with an interval.

    Re-exports `model`, so that `$exam.model` waits for the gates. Outputs: `metrics`, `samples`.
    """

    kind: Literal["evaluate"] = "evaluate"
    model: Location
    data: Location
    """Held-out rows: usually `$split.test`."""
    base_model: Location | None = None
    """The model before training, asked the same prompts."""
    train_data: Location | None = None
    """Training rows: fits the simple baselines (majority, first word, TF-IDF)."""
    task_column: str = "task"
    """A column that names each row's task; metrics are given per task."""
    closed_tasks: tuple[str, ...] | None = None
    """Tasks with a fixed set of answers; unset: those with at most 20 distinct completions."""
    max_new_tokens: Integer = 64
    max_length: Integer = 1024
    per_device_eval_batch_size: Integer = 16
    max_rows_per_task: Integer | None = None
    """Rows per task, chosen by content hash; unset: all."""
    num_samples: Integer = 12
    """Completions shown in the report."""
    confidence: float = 0.95
    """Of the bootstrap interval around each metric."""
    seed: Integer = 42
    gates: Gates = Gates()
