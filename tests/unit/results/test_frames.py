"""Results as data frames."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult


def test_an_execution_has_a_row_for_each_step(succeeded: ExecutionResult) -> None:
    frame = succeeded.to_pandas()
    assert list(frame.index) == [step.name for step in succeeded.steps[:-1]]
    assert succeeded.steps[-1].name == "exam-gate-failed"
    assert frame.loc["sft", "seconds"] == 121
    assert frame.loc["clean", "cached"]
    assert frame.loc["exam", "metrics.accuracy"] == 0.887
    assert frame["metrics.accuracy"].count() == 1
    assert str(frame["started_at"].dtype).endswith("UTC]")


def test_a_training_step_has_its_history(succeeded: ExecutionResult) -> None:
    frame = succeeded["pretrain"].to_pandas()
    assert {"step", "train/loss", "eval/loss"} <= set(frame.columns)
    assert len(frame) == len(succeeded["pretrain"].history)


def test_an_evaluation_has_a_row_for_each_task_and_metric(succeeded: ExecutionResult) -> None:
    frame = succeeded["exam"].to_pandas().set_index("task")
    assert frame.loc["which-service", ["model", "model_low", "model_high"]].tolist() == [
        0.842, 0.8, 0.87,
    ]  # fmt: skip
    assert frame.loc["read-or-write", "verdict"] == "loses"
    assert frame["tfidf"].count() == 2


def test_another_step_has_its_metrics(succeeded: ExecutionResult) -> None:
    step = replace(succeeded["extract"], metrics={"rows": 3.0})
    assert step.to_pandas().values.tolist() == [["rows", 3.0]]


def test_without_pandas_the_cure_is_told() -> None:
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from orchestrator.results.model import StepResult\n"
        "from orchestrator.errors import InputError\n"
        "try:\n    StepResult('a', 'Training').to_pandas()\n"
        "except InputError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, text=True, capture_output=True
    )
    assert done.stdout == (
        "to_pandas: pandas is not installed. pip install 'fm-orchestrator[notebook]', "
        "or pip install pandas.\n"
    )


def test_a_step_that_is_not_there_is_told_with_what_was_meant(succeeded: ExecutionResult) -> None:
    assert succeeded["exam"] is succeeded.step("exam")
    with pytest.raises(KeyError, match=r"there is no step 'exm'\. Did you mean 'exam'\?"):
        succeeded["exm"]
    with pytest.raises(KeyError, match=r"there is no step '42'\. There are extract, clean, split"):
        succeeded["42"]


def test_an_output_has_a_path_where_it_is_on_this_machine(succeeded: ExecutionResult) -> None:
    uris = {"model": "s3://b/model", "test": "s3://b/test"}
    step = replace(succeeded["sft"], outputs=uris, paths={"model": Path("store/model")})
    assert step.path("model") == Path("store/model")
    with pytest.raises(KeyError, match="output 'test' of step 'sft' is not on this machine: s3://"):
        step.path("test")
    with pytest.raises(KeyError, match=r"step 'sft' has no output 'modl'\. Did you mean 'model'"):
        step.path("modl")
