"""Steps of Bedrock on this machine: the bridge's handlers, and a stand-in that is trained."""

from __future__ import annotations

import csv
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import flow, flow_local
from orchestrator.local.home import Home

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
name: customized
steps:
  split: {kind: dataset, data: ./rows.jsonl, split: {validation: 0.2, test: 0.1}}
  tuned:
    kind: bedrock
    customization_type: fine_tuning
    base_model_identifier: amazon.nova-lite-v1:0:300k
    data: $split
    validation_data: $split
    hyper_parameters: {epochCount: 3}
"""
IMPORT = """\
name: own
steps:
  taken: {kind: bedrock_import, model: ./model}
"""


def run(folder: Path, spec: str) -> Any:
    path = folder / "spec.yaml"
    path.write_text(spec)
    home = Home(folder / ".fmo")
    how = flow_local.HowToRun(listener=lambda _: None, environ=os.environ)
    return flow_local.run_prepared(flow.prepare_file(path, {}), home, parameters={}, how=how)


def step(result: Any, name: str) -> Any:
    return next(step for step in result.steps if step.name == name)


def stored(folder: Path, uri: str) -> Path:
    return folder / ".fmo" / "s3" / uri.removeprefix("s3://")


@pytest.mark.train
@pytest.mark.slow
def test_a_stand_in_learns_and_writes_what_bedrock_would(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n * 7919}?", "completion": f"Row {n}."} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(tmp_path, SPEC)
    assert result.status == "Succeeded", [step.failure_reason for step in result.steps]
    tuned = step(result, "tuned")
    folder = stored(tmp_path, tuned.outputs["output_uri"])
    steps = folder / "training_artifacts" / "step_wise_training_metrics.csv"
    with steps.open(newline="") as file:
        losses = list(csv.DictReader(file))
    assert list(losses[0]) == ["step_number", "epoch_number", "training_loss", "perplexity"]
    assert [int(row["step_number"]) for row in losses] == list(range(len(losses)))
    assert {row["epoch_number"] for row in losses} == {"0", "1", "2"}
    assert float(losses[-1]["training_loss"]) < float(losses[0]["training_loss"])
    assert tuned.metrics["training_loss"] == float(losses[-1]["training_loss"])
    place = folder / "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"
    with place.open(newline="") as file:
        assert tuned.metrics["validation_loss"] == float(
            list(csv.DictReader(file))[-1]["validation_loss"]
        )
    assert ":custom-model/amazon.nova-lite-v1:0:300k/" in tuned.outputs["model_arn"]
    assert "a tiny new model stands in for it" in tuned.log.read_text()


def test_weights_are_looked_at_before_they_count_as_imported(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "tokenizer.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    taken = step(run(tmp_path, IMPORT), "taken")
    assert taken.status == "Succeeded", taken.failure_reason
    assert ":imported-model/" in taken.outputs["model_arn"]

    (model / "config.json").write_text('{"model_type": "mamba"}')
    taken = step(run(tmp_path, IMPORT), "taken")
    assert taken.status == "Failed"
    assert "Bedrock imports no model of type 'mamba'" in taken.failure_reason
