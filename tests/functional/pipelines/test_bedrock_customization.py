"""The shipped pipeline into Bedrock, run whole with fewer pages, and as a smoke run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PIPELINE = Path(__file__).parents[3] / "pipelines" / "bedrock_customization.yaml"
FEWER = (
    *("--param", "Pages=60", "--param", "Questions=300"),
    *("--set", "steps.base.max_steps=2", "--set", "steps.further.max_steps=2"),
    *("--set", "steps.nova.hyper_parameters.epochCount=1"),
)


def steps_of_run(home: Path, *options: str) -> dict[str, Any]:
    environment = {**os.environ, "FMO_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "orchestrator", "run", str(PIPELINE), "--json", *options]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {step["name"]: step for step in json.loads(ended.stdout)["steps"]}


@pytest.mark.train
@pytest.mark.slow
def test_both_models_end_in_bedrock_and_a_smoke_run_leaves_it_alone(tmp_path: Path) -> None:
    steps = steps_of_run(tmp_path, *FEWER)
    assert ":custom-model/amazon.nova-lite-v1:0:300k/" in steps["nova"]["outputs"]["model_arn"]
    assert 0 < steps["nova"]["metrics"]["validation_loss"] < 20
    assert ":imported-model/" in steps["own"]["outputs"]["model_arn"]
    smoke = steps_of_run(tmp_path, "--smoke")
    assert smoke["nova-data"]["status"] == "Succeeded"
    assert {smoke[name]["status"] for name in ("nova", "own")} == {"NotStarted"}
