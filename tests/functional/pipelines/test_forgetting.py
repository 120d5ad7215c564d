"""The shipped pipeline about forgetting, run whole: the same YAML with fewer rows and steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PIPELINE = Path(__file__).parents[3] / "pipelines" / "forgetting.yaml"
OPTIONS = [
    *("--param", "Pages=60", "--param", "Questions=900"),
    *("--param", "PretrainSteps=4", "--param", "TuneSteps=4"),
    *("--set", "steps.pretrain.architecture.hidden_size=32"),
    *("--set", "steps.pretrain.architecture.intermediate_size=64"),
    *("--set", "steps.pretrain.architecture.num_hidden_layers=2"),
    *("--set", "steps.pretrain.architecture.num_attention_heads=2"),
    *("--set", "steps.pretrain.tokenizer.vocab_size=800"),
]
WAYS = ("full", "replay", "gentle", "lora")


@pytest.mark.train
def test_each_way_of_tuning_is_measured_against_what_it_was_to_keep(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrator", "run", str(PIPELINE), "--json", *OPTIONS]
    environment = {**os.environ, "FMO_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    steps: dict[str, Any] = {step["name"]: step for step in json.loads(ended.stdout)["steps"]}
    found = {way: steps[f"exam_{way}"]["metrics"] for way in WAYS}
    for metrics in found.values():
        delta = metrics["retention.loss"] - metrics["retention.base.loss"]
        assert metrics["forgetting.loss_delta"] == pytest.approx(delta)
    before = {metrics["retention.base.loss"] for metrics in found.values()}
    assert len(before) == 1, "all began with one model"
    assert steps["replay"]["metrics"]["train/tokens"] > 0
    lengths = [abs(found[way]["forgetting.loss_delta"]) for way in ("gentle", "full")]
    assert lengths[0] < lengths[1], "a tenth of the learning rate changes less"
