"""Step kind `evaluate`: a model on sealed test data, beside its base and simple baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from orchestrator.spec.fields import (
    Broken,
    Count,
    Gates,
    JobModel,
    Location,
    Natural,
    OpenShare,
    ParameterReference,
)


class EvaluateSpec(JobModel):
    """Metrics of a model on held-out rows, each with an interval.

    Re-exports `model` (main), so that `$exam.model` waits for the gates. Other outputs:
    `metrics`, `samples`.
    """

    kind: Literal["evaluate"] = "evaluate"
    """The step's kind."""
    model: Location
    """The model to examine: usually `$sft.model`."""
    data: Location
    """Held-out rows: usually `$split.test`."""
    base_model: Location | None = None
    """The model before training, asked the same prompts."""
    champion: Location | None = None
    """The model in use, asked the same prompts: usually `$registry.GROUP.approved`."""
    train_data: Location | None = None
    """Training rows: fits the simple baselines (majority, first word, TF-IDF)."""
    retention: Location | None = None
    """Text and earlier tasks that must not be forgotten; asked of `base_model`, too."""
    harm_prompts: Location | None = None
    """Prompts whose answers are searched for insults, threats and refusals."""
    stereotype_pairs: Location | None = None
    """Rows with a stereotyping sentence, `more`, and the same without, `less`."""
    harm_scorer: Location | None = None
    """A classifier of harmful text; unset: a list of phrases that needs no download."""
    task_column: str = "task"
    """A column that names each row's task; metrics are given per task."""
    closed_tasks: tuple[str, ...] | None = None
    """Tasks with a fixed set of answers; unset: those with at most 20 distinct completions."""
    max_new_tokens: Count | ParameterReference = 64
    """Tokens that the model may answer with."""
    max_length: Count | ParameterReference = 1024
    """Tokens of prompt and completion together."""
    per_device_eval_batch_size: Count | ParameterReference = 16
    """Rows per forward pass."""
    max_rows_per_task: Count | ParameterReference | None = None
    """Rows per task, chosen by content hash; unset: all."""
    num_samples: Natural | ParameterReference = 12
    """Completions shown in the report."""
    confidence: OpenShare = 0.95
    """Of the bootstrap interval around each metric."""
    seed: Natural | ParameterReference = 42
    """Of the bootstrap."""
    gates: Gates = Gates()
    """Bounds on the metrics; what reads `model` from here waits for them."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield what cannot be compared with anything."""
        if self.retention is not None and self.base_model is None:
            yield Broken(
                "retention",
                "what was forgotten shows only beside the model from before training",
                "Set base_model to it, or remove retention.",
            )
        if self.harm_scorer is not None and self.harm_prompts is None:
            yield Broken(
                "harm_scorer",
                "there is nothing for it to score",
                "Set harm_prompts to what the model shall answer, or remove it.",
            )
