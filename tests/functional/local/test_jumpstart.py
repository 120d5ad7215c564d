"""Steps of JumpStart on this machine: our scripts train on what JumpStart's script would get."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import flow, flow_local
from orchestrator.local.home import Home

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
name: tuned
steps:
  first:
    kind: jumpstart
    model_id: acme-tiny
    data: ./TASK.jsonl
    task: TASK
    MORE
    hyperparameters: {epoch: 1, learning_rate: 0.003, per_device_train_batch_size: 8}
"""
BUCKET = "s3://jumpstart-cache-prod-us-west-2"
LOCKED = {
    "version": "2.10.0",
    "region": "us-west-2",
    "training_image_uri": "763104351884.dkr.ecr.us-west-2.amazonaws.com/djl-inference:0.27",
    "training_artifact_uri": f"{BUCKET}/tiny/train.tar.gz",
    "script_uri": f"{BUCKET}/tiny/sourcedir.tar.gz",
    "hyperparameters": {
        "chat_dataset": "False",
        "epoch": "5",
        "learning_rate": "0.1",
        "per_device_train_batch_size": "1",
    },
}
ROWS: dict[str, Any] = {
    "instruction": {"prompt": "What is N?", "completion": "Row N."},
    "chat": {
        "messages": [
            {"role": "user", "content": "What is N?"},
            {"role": "assistant", "content": "Row N."},
        ]
    },
    "domain_adaptation": {"text": "Row N is a row of its own."},
}


def run(folder: Path, task: str, more: str = "") -> Any:
    row = json.dumps(ROWS[task])
    lines = "".join(row.replace("N", str(number)) + "\n" for number in range(20))
    (folder / f"{task}.jsonl").write_text(lines)
    (folder / "spec.yaml").write_text(SPEC.replace("TASK", task).replace("MORE", more))
    how = flow_local.HowToRun(listener=lambda _: None, environ=os.environ)
    prepared = flow.prepare_file(folder / "spec.yaml", {})
    return flow_local.run_prepared(prepared, Home(folder / ".fmo"), parameters={}, how=how)


def trained(result: Any) -> Any:
    assert result.status == "Succeeded", [step.failure_reason for step in result.steps]
    return next(step for step in result.steps if step.name == "first")


@pytest.mark.train
@pytest.mark.slow
def test_a_model_is_trained_and_another_is_trained_from_it(tmp_path: Path) -> None:
    step = trained(run(tmp_path, "instruction"))
    assert "a tiny new model stands in for them" in step.log.read_text()
    assert step.metrics["train/loss"] > 0
    uri = step.outputs["model"].removeprefix("s3://")
    folder = tmp_path / ".fmo" / "s3" / uri
    assert (folder / "config.json").is_file()
    assert list(folder.glob("*.safetensors"))
    (tmp_path / "base").symlink_to(folder)
    step = trained(run(tmp_path, "domain_adaptation", "local_model: ./base"))
    assert "`local_model` is trained in their place" in step.log.read_text()


@pytest.mark.train
@pytest.mark.slow
def test_what_is_locked_for_aws_runs_here_without_amazons_files(tmp_path: Path) -> None:
    (tmp_path / "spec.lock.json").write_text(json.dumps({"jumpstart": {"acme-tiny": LOCKED}}))
    step = trained(run(tmp_path, "chat"))
    assert "a tiny new model stands in for them" in step.log.read_text()
    assert step.metrics["train/loss"] > 0
