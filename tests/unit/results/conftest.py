"""A whole execution as a backend would record it, small enough to read."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrator.results.model import ExecutionResult, StepResult

if TYPE_CHECKING:
    from orchestrator.results.model import Json

BEGUN = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def step(
    name: str, kind: str, begin: float, seconds: float, *after: str, branch: str = ""
) -> StepResult:
    return StepResult(
        name=name,
        type=kind,
        status="Succeeded",
        started_at=BEGUN + timedelta(seconds=begin),
        ended_at=BEGUN + timedelta(seconds=begin + seconds),
        attempts=1,
        depends_on=after,
        branch=(branch, "if") if branch else None,
        arguments_hash="9f2c" * 16,
        outputs={"data": f"s3://local/fmo/{name}/data"},
    )


def loss_rows(steps: int, first: float, last: float) -> tuple[dict[str, float], ...]:
    rows = []
    for at in range(0, steps + 1, 10):
        loss = last + (first - last) * math.exp(-3 * at / steps)
        rows.append({"step": at, "train/loss": loss + 0.08 * math.sin(at)})
        if at % 40 == 0:
            rows.append({"step": at, "eval/loss": loss + 0.1})
    return tuple(rows)


TABLE: Json = {
    "rows": [
        {
            "task": "read-or-write",
            "metric": "accuracy",
            "rows": 400,
            "model": {"value": 0.931, "low": 0.905, "high": 0.955},
            "base": {"value": 0.512},
            "majority": {"value": 0.541},
            "first_word": {"value": 0.951},
            "tfidf": {"value": 0.944},
        },
        {
            "task": "which-service",
            "metric": "accuracy",
            "rows": 380,
            "model": {"value": 0.842, "low": 0.8, "high": 0.87},
            "base": {"value": 0.02},
            "majority": {"value": 0.11},
            "first_word": {"value": 0.32},
            "tfidf": {"value": 0.79},
        },
        {
            "task": "describe",
            "metric": "rouge_l",
            "rows": 200,
            "model": {"value": 0.31, "low": 0.29, "high": 0.33},
            "base": {"value": 0.18},
        },
    ]
}

SAMPLES = (
    {
        "task": "read-or-write",
        "prompt": "Does DeleteBucket read or write?",
        "expected": "write",
        "tuned": "write",
        "base": "The bucket <b>name</b>",
    },
    {
        "task": "describe",
        "prompt": "What does ec2 DescribeInstances do?",
        "expected": "Describes the specified instances or all instances.",
        "tuned": "Describes one or more of your instances.",
        "base": "the the the",
    },
)


@pytest.fixture
def succeeded() -> ExecutionResult:
    steps = (
        step("extract", "Processing", 0, 6.4),
        replace(step("clean", "Processing", 7, 11, "extract"), cached=True),
        step("split", "Processing", 19, 8, "clean"),
        replace(
            step("pretrain", "Training", 28, 151, "split"),
            history=loss_rows(300, 9.0, 3.4),
            metrics={"train/loss": 3.4, "eval/loss": 3.51, "tokens_per_second": 5400.0},
        ),
        step("held-back", "Processing", 20, 5, "extract"),
        replace(
            step("continue", "Training", 180, 40, "held-back", "pretrain"),
            history=loss_rows(80, 5.0, 3.1),
        ),
        step("tasks", "Processing", 28, 7, "clean"),
        replace(
            step("sft", "Training", 221, 121, "continue", "tasks"),
            history=loss_rows(160, 3.0, 0.4),
        ),
        replace(
            step("exam", "Processing", 343, 55, "continue", "sft", "tasks"),
            metrics={"accuracy": 0.887, "perplexity": 4.21, "rouge_l": 0.31, "loss": 1.437},
            table=TABLE,
            samples=SAMPLES,
        ),
        replace(
            step("exam-gate", "Condition", 398, 0.02, "exam"),
            condition_outcome=True,
            conditions=("accuracy 0.887 >= 0.8", "forgetting.loss_delta 0.012 <= 0.05"),
        ),
        step("publish-RegisterModel", "RegisterModel", 398.1, 0.4, "sft", branch="exam-gate"),
        StepResult("exam-gate-failed", "Fail", branch=("exam-gate", "else")),
    )
    return ExecutionResult(
        execution_id="aws-docs-assistant-20260304-093000-7f3a",
        pipeline_name="aws-docs-assistant",
        status="Succeeded",
        started_at=BEGUN,
        ended_at=BEGUN + timedelta(seconds=399),
        steps=steps,
        parameters={"MaxSteps": 300, "Service": "s3"},
        definition_hash="ab" * 32,
        source={"spec": "pipelines/aws_docs_assistant.yaml", "overrides": {}, "fmo": "0.1.0"},
    )


@pytest.fixture
def failed(succeeded: ExecutionResult) -> ExecutionResult:
    steps = [
        replace(one, status="Failed", failure_reason="sft: loss became nan at step 12")
        if one.name == "sft"
        else one
        for one in succeeded.steps[:8]
    ]
    steps += [StepResult(one.name, one.type, depends_on=one.depends_on, branch=one.branch)
              for one in succeeded.steps[8:]]  # fmt: skip
    return replace(
        succeeded,
        status="Failed",
        steps=tuple(steps),
        ended_at=BEGUN + timedelta(seconds=343),
        failure_reason="Step 'sft' failed.",
    )
