"""`container.py`: what a script sees of either contract."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from training_scripts.container import JobFailure, current_job, fail, log_progress

if TYPE_CHECKING:
    from pathlib import Path

    from training_scripts.container import Job


def job_in(root: Path, contract: str, settings: dict[str, object], *arguments: str) -> Job:
    code = root / ("processing/input/code" if contract == "Processing" else "input/data/code")
    code.mkdir(parents=True)
    config = {"kind": "train", "step": "sft", "script": "sft.py", "settings": settings}
    (code / "config.json").write_text(json.dumps(config))
    return current_job(arguments, {"FMO_ML_ROOT": str(root)})


def test_a_training_job_finds_its_channels_and_its_model_folder(tmp_path: Path) -> None:
    (tmp_path / "input/data/data").mkdir(parents=True)
    job = job_in(tmp_path, "Training", {})
    assert job.contract == "Training"
    assert (job.kind, job.step) == ("train", "sft")
    assert job.input("data") == tmp_path / "input/data/data"
    assert job.model_dir == job.output("model") == tmp_path / "model"
    assert job.checkpoint_dir == tmp_path / "checkpoints"
    assert job.output("samples") == tmp_path / "output/data/samples"


def test_a_processing_job_finds_its_channels_and_its_outputs(tmp_path: Path) -> None:
    (tmp_path / "processing/input/model").mkdir(parents=True)
    job = job_in(tmp_path, "Processing", {})
    assert job.contract == "Processing"
    assert job.input("model") == tmp_path / "processing/input/model"
    assert job.output("test") == tmp_path / "processing/output/test"
    assert job.output("test").is_dir()


def test_a_missing_channel_is_named_beside_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "processing/input/data").mkdir(parents=True)
    job = job_in(tmp_path, "Processing", {})
    assert not job.has_input("model")
    with pytest.raises(JobFailure, match=r"inputs\.model: .*no such channel \(found: data\)"):
        job.input("model")


def test_arguments_win_and_take_the_type_of_the_setting(tmp_path: Path) -> None:
    settings = {"learning_rate": 2e-5, "max_steps": -1, "packing": True, "name": "x", "rows": None}
    job = job_in(
        tmp_path,
        "Training",
        settings,
        "--learning_rate=1",
        "--max_steps=300.0",
        "--packing=False",
        "--name=12",
        "--rows=50",
        "--new=a=b",
    )
    assert job.settings == {
        "learning_rate": 1.0,
        "max_steps": 300,
        "packing": False,
        "name": "12",
        "rows": 50,
        "new": "a=b",
    }
    assert isinstance(job.settings["learning_rate"], float)


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--max_steps=many", r"--max_steps=many is not of type int"),
        ("--max_steps=1.5", r"--max_steps=1\.5 is not of type int"),
        ("max_steps", r"'max_steps' is not of the form --name=value"),
    ],
)
def test_a_malformed_argument_is_refused(tmp_path: Path, argument: str, text: str) -> None:
    with pytest.raises(JobFailure, match=text):
        job_in(tmp_path, "Training", {"max_steps": 1}, argument)


def test_metrics_are_written_where_gates_read_them(tmp_path: Path) -> None:
    training = job_in(tmp_path / "t", "Training", {}).write_metrics({"loss": 1.5})
    processing = job_in(tmp_path / "p", "Processing", {}).write_metrics({"rows": 3})
    assert training == tmp_path / "t/model/metrics.json"
    assert processing == tmp_path / "p/processing/output/metrics/metrics.json"
    assert json.loads(training.read_text()) == {"loss": 1.5}
    assert [path.name for path in training.parent.iterdir()] == ["metrics.json"]


def test_metrics_that_are_not_finite_numbers_are_refused_by_name(tmp_path: Path) -> None:
    job = job_in(tmp_path, "Training", {})
    bad = {"good": 1.0, "loss": math.nan, "flag": True, "nested": {"a": 1}}
    with pytest.raises(JobFailure, match=r"found loss=nan, flag=True, nested=\{'a': 1\}"):
        job.write_metrics(bad)  # type: ignore[arg-type]
    assert not (tmp_path / "model/metrics.json").exists()


def test_a_root_without_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobFailure, match="there is no code"):
        current_job([], {"FMO_ML_ROOT": str(tmp_path)})


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_config_that_is_not_a_json_object_is_refused(tmp_path: Path, text: str) -> None:
    code = tmp_path / "input/data/code"
    code.mkdir(parents=True)
    (code / "config.json").write_text(text)
    with pytest.raises(JobFailure, match=r"config\.json: (not valid JSON|expected a JSON object)"):
        current_job([], {"FMO_ML_ROOT": str(tmp_path)})


def test_a_progress_line_holds_step_metrics_speed_and_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_progress(40, 300, {"train/loss": 5.12341, "learning_rate": 2e-5}, 5400.4, 43.2)
    assert capsys.readouterr().out == (
        "progress step=40/300 train/loss=5.1234 learning_rate=2.000e-05"
        " tokens_per_second=5400 seconds_left=43\n"
    )


def test_a_failure_leaves_its_text_for_the_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FMO_FAILURE_FILE", str(tmp_path / "failure"))
    with pytest.raises(JobFailure):
        fail("data: 3 rows are too long.")
    assert (tmp_path / "failure").read_text() == "data: 3 rows are too long."
