"""`kill -9` of `fmo` in the midst of a real training, then `fmo resume`: the same weights.

And the same run in the trackers, with each step once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("tensorboard")

from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

SPEC = """\
name: small
steps:
  texts: {kind: dataset, data: ./texts, format: text, split: {validation: 0.1, test: 0}}
  pretrain:
    kind: train
    objective: pretrain
    data: $texts
    architecture:
      hidden_size: 32
      intermediate_size: 64
      num_hidden_layers: 1
      num_attention_heads: 2
      max_position_embeddings: 64
    tokenizer: {vocab_size: 300}
    max_length: 64
    per_device_train_batch_size: 2
    max_steps: 150
    save_steps: 10
    eval_steps: 75
    learning_rate: 1e-3
    report_to: [tensorboard, mlflow]
    tracking_uri: ./runs
"""
ROWS = 120
LOGGED = [1, *range(10, 151, 10)]
"""Steps with a row about training."""


def write_spec(folder: Path) -> None:
    (folder / "texts").mkdir()
    words = ["bucket", "table", "queue", "topic", "stream", "index", "model", "trial"]
    rows = [
        f'{{"text": "Row {n}: the {words[n % 8]} of {words[n // 8 % 8]} {n * 7919} is described."}}'
        for n in range(ROWS)
    ]
    (folder / "texts" / "rows.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "small.yaml").write_text(SPEC)


def weights(document: dict[str, object], home: Path) -> bytes:
    steps = document["steps"]
    assert isinstance(steps, list)
    uri = next(step for step in steps if step["name"] == "pretrain")["outputs"]["model"]
    key = str(uri).removeprefix("s3://").rstrip("/")
    return (home / "s3" / key / "model.safetensors").read_bytes()


@pytest.mark.train
@pytest.mark.slow
def test_a_training_whose_fmo_was_killed_ends_with_the_weights_of_an_undisturbed_one(
    fmo: Fmo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # To look into the folder, below.
    write_spec(fmo.folder)
    one_thread = {"OMP_NUM_THREADS": "1"}
    calm = fmo("run", "small.yaml", "--json", "--home", "calm", **one_thread).document
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", "small.yaml", "--home", "cut"],
        cwd=fmo.folder, env=fmo.environment(**one_thread), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not list((fmo.folder / "cut" / "checkpoints").glob("**/step-*")):
        assert process.poll() is None, "it ended before it had a checkpoint"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert fmo("runs", "--json", "--home", "cut").document[0]["status"] == "Stopped"
    resumed = fmo("resume", "--json", "--home", "cut", **one_thread).document
    assert resumed["status"] == "Succeeded"
    log = next(step for step in resumed["steps"] if step["name"] == "pretrain")["log"]
    assert "Resuming after step" in Path(log).read_text()
    assert weights(resumed, fmo.folder / "cut") == weights(calm, fmo.folder / "calm")
    pretrain = next(step for step in resumed["steps"] if step["name"] == "pretrain")
    assert steps_in_mlflow(fmo.folder / "runs", pretrain) == LOGGED
    assert steps_in_tensorboard(fmo.folder / "cut", pretrain) == LOGGED


def steps_in_mlflow(folder: Path, step: dict[str, Any]) -> list[int]:
    """Return the steps of the one run that the attempts of `step` made together."""
    client = MlflowClient(str(folder))
    experiment = client.get_experiment_by_name("small")
    job = f"pipelines-{Path(step['log']).parts[-4]}-pretrain"
    runs = client.search_runs([experiment.experiment_id], f"run_name = '{job}'")
    assert [run.info.status for run in runs] == ["FINISHED"]
    history = client.get_metric_history(runs[0].info.run_id, "train/loss")
    return [metric.step for metric in history]


def steps_in_tensorboard(home: Path, step: dict[str, Any]) -> list[int]:
    uri = step["outputs"]["tensorboard"]
    events = EventAccumulator(str(home / "s3" / uri.removeprefix("s3://").rstrip("/")))
    events.Reload()
    return [event.step for event in events.Scalars("train/loss")]
