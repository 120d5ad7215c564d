"""From a job's settings to trackers, and from the loop's rows to the names that trackers show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import Job, JobFailure
from training_scripts.tracking.reporting import Reporting, open_trackers, run_name
from training_scripts.tracking.tensorboard import TensorBoard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training_scripts.tracking.tracker import Row, RunFacts, Status

TRAINED = {
    "step": 10,
    "loss": 2.0,
    "learning_rate": 1e-3,
    "grad_norm": math.inf,
    "tokens_per_second": 50.0,
}


class Recorder:
    """A tracker that keeps what it is told."""

    name = "recorder"
    errors: tuple[type[Exception], ...] = ()

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.run: RunFacts | None = None
        self.ended: tuple[Status, dict[str, float]] | None = None

    def start(self, run: RunFacts) -> str:
        self.run = run
        return "here"

    def log(self, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        self.ended = (status, dict(summary))


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FMO_TRACKING_DIR", "WANDB_API_KEY", "WANDB_MODE", "TRAINING_JOB_NAME"):
        monkeypatch.delenv(name, raising=False)


def job(root: Path, **settings: Any) -> Job:
    return Job("train", "sft", settings, root, "Training")


def test_rows_get_the_names_of_the_field_and_lose_what_is_not_finite(facts: Any) -> None:
    tracker = Recorder()
    told = Reporting([tracker], lambda done: facts(resumed_after=done), now=lambda: 7.0)
    told.start(5, [{"step": 5, "eval_loss": 3.0, "eval_accuracy": 0.5}])
    told.log(TRAINED)
    told.finish("FINISHED", {"train/loss": 2.0, "train/steps": 10, "eval/perplexity": math.nan})
    assert tracker.run is not None
    assert tracker.run.resumed_after == 5
    assert [(row.step, row.time, dict(row.values)) for row in tracker.rows] == [
        (5, 7.0, {"eval/loss": 3.0, "eval/accuracy": 0.5}),
        (10, 7.0, {"train/loss": 2.0, "train/learning_rate": 1e-3, "tokens_per_second": 50.0}),
    ]
    assert tracker.ended == ("FINISHED", {"train/steps": 10})


def test_without_trackers_nothing_is_done() -> None:
    nobody = Reporting()
    nobody.start(0, [TRAINED])
    nobody.log(TRAINED)
    nobody.finish("FINISHED", {})


@pytest.mark.parametrize("named", ["none", [], None])
def test_a_job_that_reports_nowhere_has_no_trackers(tmp_path: Path, named: Any) -> None:
    assert open_trackers(job(tmp_path, report_to=named)) == []


def test_tensorboard_needs_no_library_and_no_address(tmp_path: Path) -> None:
    (tracker,) = open_trackers(job(tmp_path, report_to=["tensorboard"]))
    assert isinstance(tracker, TensorBoard)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"report_to": ["comet"]}, r"there is no tracker 'comet'. Write tensorboard, mlflow or"),
        ({"report_to": ["mlflow"]}, r"tracking_uri: missing. Name MLflow's server"),
        (
            {"report_to": ["mlflow"], "tracking_uri": "sqlite:///runs.db"},
            r"tracking_uri: 'sqlite:///runs.db' is no address of MLflow. Write https://HOST",
        ),
        ({"report_to": ["wandb"]}, r"WANDB_API_KEY is not set. Write environment:"),
    ],
)
def test_what_can_never_work_fails_before_the_training(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("wandb")
    with pytest.raises(JobFailure, match=message):
        open_trackers(job(tmp_path, **settings))


@pytest.mark.parametrize(
    "uri", [None, "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-app/app-ABC"]
)
def test_here_mlflow_keeps_in_a_folder_what_goes_to_aws_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: Any, uri: str | None
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("FMO_TRACKING_DIR", str(tmp_path / "tracking"))
    (tracker,) = open_trackers(job(tmp_path, report_to=["mlflow"], tracking_uri=uri))
    tracker.start(facts())
    assert (tmp_path / "tracking" / "mlruns").is_dir()


def test_a_run_is_called_as_the_spec_says_else_as_the_training_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_name(job(tmp_path)) == "sft"
    monkeypatch.setenv("TRAINING_JOB_NAME", "pipelines-abc-sft")
    assert run_name(job(tmp_path)) == "pipelines-abc-sft"
    assert run_name(job(tmp_path, run_name="first try")) == "first try"
