"""What steps wrote, read into the result."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.results.collect import MAX_SAMPLES, collect
from orchestrator.results.model import ExecutionResult, StepResult

if TYPE_CHECKING:
    from orchestrator.results.collect import Read

EXAM = StepResult(
    "exam", "Processing", "Succeeded", outputs={"metrics": "s3://b/m/", "samples": "s3://b/s"}
)
SFT = StepResult("sft", "Training", "Succeeded", outputs={"model": "s3://b/model"})


def execution(*steps: StepResult) -> ExecutionResult:
    return ExecutionResult("e", "p", "Succeeded", datetime(2026, 3, 4, tzinfo=UTC), steps=steps)


def reads(files: dict[str, bytes]) -> Read:
    return files.get


def test_metrics_table_and_samples_come_from_their_outputs() -> None:
    files = {
        "s3://b/m/metrics.json": b'{"accuracy": 0.9, "name": "x", "ok": true, "bad": NaN}',
        "s3://b/m/table.json": b'{"rows": []}',
        "s3://b/s/samples.jsonl": b'{"prompt": "p"}\n\nnot json\n',
    }
    (step,) = collect(execution(EXAM), reads(files)).steps
    assert step.metrics == {"accuracy": 0.9}
    assert step.table == {"rows": []}
    assert step.samples == ({"prompt": "p"},)


def test_a_training_step_gives_its_history_and_metrics() -> None:
    files = {
        "s3://b/model/metrics.json": b'{"eval_loss": 1.5}',
        "s3://b/model/trainer_log.jsonl": b'{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.5}\n',
    }
    (step,) = collect(execution(SFT), reads(files)).steps
    assert [row["step"] for row in step.history] == [1, 2]
    assert step.metrics == {"eval_loss": 1.5}


def test_what_the_backend_recorded_is_kept() -> None:
    step = replace(SFT, metrics={"own": 1.0})
    (read,) = collect(execution(step), reads({"s3://b/model/metrics.json": b'{"x": 2}'})).steps
    assert read.metrics == {"own": 1.0}


def test_a_failed_step_is_left_as_it_is() -> None:
    step = replace(SFT, status="Failed")
    (read,) = collect(execution(step), reads({"s3://b/model/metrics.json": b'{"x": 2}'})).steps
    assert read is step


def test_a_report_takes_no_more_samples_than_it_can_show() -> None:
    rows = b"\n".join(json.dumps({"prompt": str(at)}).encode() for at in range(MAX_SAMPLES + 9))
    (step,) = collect(execution(EXAM), reads({"s3://b/s/samples.jsonl": rows})).steps
    assert len(step.samples) == MAX_SAMPLES
