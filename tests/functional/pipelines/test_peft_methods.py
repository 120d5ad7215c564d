"""The shipped pipeline of methods, run whole: the same YAML with fewer rows, steps, parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PIPELINE = Path(__file__).parents[3] / "pipelines" / "peft_methods.yaml"
OPTIONS = [
    *("--param", "Pages=60", "--param", "Questions=900"),
    *("--param", "PretrainSteps=4", "--param", "TuneSteps=4"),
    *("--set", "steps.base.architecture.hidden_size=32"),
    *("--set", "steps.base.architecture.intermediate_size=64"),
    *("--set", "steps.base.architecture.num_hidden_layers=2"),
    *("--set", "steps.base.architecture.num_attention_heads=2"),
    *("--set", "steps.base.tokenizer.vocab_size=800"),
]
METHODS = ("lora", "ia3", "loreft")


@pytest.mark.train
def test_each_method_trains_and_is_examined_beside_its_base(tmp_path: Path) -> None:
    tokens = [f"steps.exam-{method}.max_new_tokens=4" for method in METHODS]
    fewer = [part for text in tokens for part in ("--set", text)]
    command = [sys.executable, "-m", "orchestrator", "run", str(PIPELINE), "--json"]
    environment = {**os.environ, "FMO_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*command, *OPTIONS, *fewer], capture_output=True, text=True, env=environment, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "can be neither merged nor imported into Bedrock" in ended.stderr
    steps: dict[str, Any] = {step["name"]: step for step in json.loads(ended.stdout)["steps"]}
    trained = {name: steps[name]["metrics"]["train/trainable_parameters"] for name in METHODS}
    assert trained["ia3"] < trained["loreft"] < trained["lora"]
    for name in ("lora", "ia3"):
        assert steps[name]["metrics"]["train/merged_difference"] < 1e-4
    for name in METHODS:
        assert {"accuracy", "base.accuracy"} <= set(steps[f"exam-{name}"]["metrics"])
