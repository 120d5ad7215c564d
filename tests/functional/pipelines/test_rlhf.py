"""The shipped pipelines on preferences, run whole: the same YAML, with fewer rows and steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pairs import pairs
from rewards import exact_answer

PIPELINES = Path(__file__).parents[3] / "pipelines"
PARAMETERS = {"Pages": 60, "Questions": 600, "PretrainSteps": 4, "TuneSteps": 4}
SMALLER = {
    "steps.pretrain.architecture.hidden_size": "32",
    "steps.pretrain.architecture.intermediate_size": "64",
    "steps.pretrain.architecture.num_hidden_layers": "1",
    "steps.pretrain.architecture.num_attention_heads": "2",
    "steps.pretrain.tokenizer.vocab_size": "800",
}


def ran(pipeline: str, home: Path, parameters: dict[str, int], **smaller: str) -> dict[str, Any]:
    """Each step of a run, by name."""
    options = [f"--param={name}={value}" for name, value in (PARAMETERS | parameters).items()]
    fields = {**SMALLER, **{name.replace("__", "."): value for name, value in smaller.items()}}
    options += [f"--set={path}={value}" for path, value in fields.items()]
    command = [sys.executable, "-m", "orchestrator", "run", str(PIPELINES / pipeline), "--json"]
    environment = {**os.environ, "FMO_HOME": str(home), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*command, *options], capture_output=True, text=True, env=environment, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {step["name"]: step for step in json.loads(ended.stdout)["steps"]}


def test_a_pair_is_the_true_answer_and_another_of_the_task() -> None:
    rows = [
        {"prompt": str(n), "completion": str(n % 3), "task": task, "family": "f"}
        for n in range(9)
        for task in ("a", "b")
    ]
    rows.append({"prompt": "alone", "completion": "x", "task": "c", "family": "f"})
    made = list(pairs(rows))
    assert len(made) == 18
    assert all(row["chosen"] != row["rejected"] for row in made)
    assert {row["rejected"] for row in made} == {"0", "1", "2"}


def test_only_the_true_answer_is_rewarded() -> None:
    assert exact_answer([" sent ", "returned"], chosen=["sent", "sent"], prompts=[]) == [1, 0]


@pytest.mark.train
@pytest.mark.slow
def test_preferences_become_a_reward_model_and_a_tuned_model(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    steps = ran(
        "rlhf.yaml",
        tmp_path,
        {"RewardSteps": 6, "ReinforceSteps": 2},
        **{
            "steps__judge-exam__gates__min": "{preference_accuracy: 0}",
            "steps__reinforce__gates__min": "{train/reward_gain: -100}",
            "steps__reinforce__per_device_train_batch_size": "8",
            "steps__reinforce__logging_steps": "1",
            "steps__exam__max_new_tokens": "8",
        },
    )
    judged = steps["judge-exam"]["metrics"]
    assert 0 < judged["preference_accuracy"] <= 1
    assert 0 <= judged["calibration_error"] <= 1
    tuned = steps["reinforce"]["metrics"]
    expected = 0.5 * tuned["train/rewards/judge"] + tuned["train/rewards/exact"]
    assert tuned["train/reward"] == pytest.approx(expected, abs=1e-4)
    assert tuned["train/kl"] >= 0
    assert steps["reinforce-gate"]["status"] == "Succeeded"
    assert steps["exam"]["metrics"]["leaked_rows"] == 0
    assert steps["publish"]["status"] == "Succeeded"


@pytest.mark.train
@pytest.mark.slow
def test_preferences_tune_a_model_two_ways(tmp_path: Path) -> None:
    steps = ran(
        "preference_tuning.yaml",
        tmp_path,
        {"PreferenceSteps": 4},
        **{
            f"steps__{name}-exam__{field}": value
            for name in ("dpo", "kto")
            for field, value in (
                ("gates__min", "{preference_accuracy: 0}"),
                ("max_new_tokens", "8"),
                ("max_rows_per_task", "10"),
            )
        },
    )
    assert steps["dpo"]["metrics"]["train/rewards/margins"] > 0
    assert steps["kto"]["metrics"]["eval/kl"] >= 0
    for name in ("dpo-exam", "kto-exam"):
        assert "base.preference_accuracy" in steps[name]["metrics"]
