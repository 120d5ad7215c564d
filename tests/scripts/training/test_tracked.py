"""Trainings that report: what TensorBoard and MLflow hold of them afterwards."""

from __future__ import annotations

import itertools
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytest.importorskip("mlflow")

from mlflow.tracking import MlflowClient  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import (  # noqa: E402
    EventAccumulator,
)

from training_scripts import pretrain  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.training import job as jobs  # noqa: E402
from training_scripts.training.devices import World  # noqa: E402
from training_scripts.training.objectives.next_token import NextToken  # noqa: E402
from training_scripts.training.settings import read_settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training_scripts.container import Job

    MakeJob = Callable[..., Job]
    SettingsOf = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.train


@pytest.fixture
def tracked(settings_of: SettingsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FMO_TRACKING_DIR", str(tmp_path / "tracking"))
    return settings_of(
        "pretrain",
        max_steps=5,
        logging_steps=1,
        eval_steps=5,
        save_steps=2,
        report_to=["tensorboard", "mlflow"],
        project="assistant",
        run_name="first",
    )


def in_tensorboard(job: Job) -> dict[str, dict[int, float]]:
    accumulator = EventAccumulator(str(job.root / "output" / "tensorboard"))
    accumulator.Reload()
    return {
        tag: {event.step: event.value for event in accumulator.Scalars(tag)}
        for tag in accumulator.Tags()["scalars"]
    }


def the_run(tmp_path: Path) -> tuple[MlflowClient, Any]:
    client = MlflowClient(str(tmp_path / "tracking" / "mlruns"))
    experiment = client.get_experiment_by_name("assistant")
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def logged(job: Job, key: str) -> dict[int, float]:
    lines = (job.model_dir / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["step"]: row[key] for row in rows if key in row}


def test_trackers_hold_what_the_log_holds(job: MakeJob, tracked: Any, tmp_path: Path) -> None:
    own = job(tracked)
    pretrain.main(own)
    curves = in_tensorboard(own)
    assert curves["train/loss"] == pytest.approx(logged(own, "loss"))
    assert curves["eval/accuracy"] == pytest.approx(logged(own, "eval_accuracy"))
    client, run = the_run(tmp_path)
    for name, key in (("train/grad_norm", "grad_norm"), ("eval/loss", "eval_loss")):
        history = client.get_metric_history(run.info.run_id, name)
        assert {metric.step: metric.value for metric in history} == logged(own, key)
    assert (run.info.run_name, run.info.status) == ("first", "FINISHED")
    assert run.data.params["architecture.hidden_size"] == "32"
    assert run.data.params["world_size"] == "1"
    metrics = json.loads((own.model_dir / "metrics.json").read_text())
    assert run.data.metrics["eval/perplexity"] == metrics["eval/perplexity"]
    assert run.data.metrics["train/tokens"] == metrics["train/tokens"]


def test_a_training_cut_off_between_checkpoints_goes_on_in_the_same_run(
    job: MakeJob, tracked: Any, tmp_path: Path
) -> None:
    own = job(tracked)
    # The 4th step of the first attempt ends it, after a checkpoint of the 2nd.
    with pytest.raises(RuntimeError, match="power failure"):
        train_until(own, tracked, after=3)
    client, run = the_run(tmp_path)
    assert run.info.status == "FAILED"
    assert [m.step for m in client.get_metric_history(run.info.run_id, "train/loss")][-1] == 3
    pretrain.main(own)
    client, again = the_run(tmp_path)
    assert again.info.run_id == run.info.run_id
    assert again.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [metric.step for metric in history] == [1, 2, 3, 4, 5]
    curves = in_tensorboard(own)
    assert curves["train/loss"] == pytest.approx(logged(own, "loss"))
    assert list(curves["train/loss"]) == [1, 2, 3, 4, 5]
    assert list(curves["eval/loss"]) == [5]


def train_until(job: Job, settings: dict[str, Any], *, after: int) -> None:
    """Train `job` as `pretrain.py` does, and fail in the step that follows."""
    typed = read_settings(settings)
    model, tokenizer = pretrain._model_and_tokenizer(job, typed)
    calls = itertools.count()

    class Failing(World):
        def sum(self, tensor: Any) -> None:
            # Once per step, for the loss; what is longer are gradients.
            if tensor.shape == (1,) and tensor.dtype is torch.float32 and next(calls) == after:
                message = "power failure"
                raise RuntimeError(message)

    world = Failing(0, 1, torch.device("cpu"))
    jobs.run_training(job, typed, world, model, tokenizer, torch.float32, NextToken())


def test_a_training_that_is_stopped_says_so(job: MakeJob, tracked: Any, tmp_path: Path) -> None:
    own = job(tracked)
    typed = read_settings(tracked)
    model, tokenizer = pretrain._model_and_tokenizer(own, typed)

    class Stopping(World):
        def sum(self, _: Any) -> None:
            signal.raise_signal(signal.SIGTERM)

    world = Stopping(0, 1, torch.device("cpu"))
    with pytest.raises(SystemExit) as ended:
        jobs.run_training(own, typed, world, model, tokenizer, torch.float32, NextToken())
    assert ended.value.code == 143
    assert the_run(tmp_path)[1].info.status == "KILLED"


def test_only_the_main_process_reports(job: MakeJob, tracked: Any, tmp_path: Path) -> None:
    other = World(1, 2, torch.device("cpu"))
    told = jobs.reporting_of(job(tracked), read_settings(tracked), other, {}, tmp_path)
    assert told.trackers == ()


def test_what_can_never_report_fails_before_anything_is_loaded(
    job: MakeJob, settings_of: SettingsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FMO_TRACKING_DIR", raising=False)
    own = job(settings_of("sft", report_to="mlflow"))  # Without a channel `model`.
    with pytest.raises(JobFailure, match="tracking_uri: missing"):
        jobs.start(own, read_settings(own.settings))
