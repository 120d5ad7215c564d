"""Preference tuning as the page on training shows it, after a model that is made here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "training.md"
FIRST = """\
  texts: {kind: dataset, data: ./texts.jsonl, split: {validation: 0, test: 0}}
  base:
    kind: train
    objective: pretrain
    data: $texts
    architecture: {hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2}
    tokenizer: {vocab_size: 300}
    max_length: 64
    max_steps: 20
    learning_rate: 1e-2
"""
PLACES = ("depot", "shop", "harbour", "office", "garden")
SETTINGS = {
    "steps.prefer.learning_rate": "1e-2",
    "steps.prefer.max_length": "64",
    "steps.prefer.max_steps": "16",
    "steps.exam.max_new_tokens": "4",
}


def example() -> str:
    """The spec under the heading on preference tuning."""
    section = PAGE.read_text(encoding="utf-8").partition("## Preference tuning")[2]
    found = re.search(r"```yaml\n(.*?)```", section, flags=re.DOTALL)
    assert found is not None
    return found[1]


def pairs() -> Iterator[dict[str, str]]:
    """People always want to hear where it is, and never that nobody knows."""
    for number in range(60):
        place = PLACES[number % 5]
        yield {
            "prompt": f"Where is parcel {number}, sent from the {place}?",
            "chosen": f"At the {place}.",
            "rejected": "No idea.",
        }


def test_the_example_is_planned_without_a_warning() -> None:
    _, warnings = build_plan(load_spec(example()))
    assert warnings == ()


@pytest.mark.train
@pytest.mark.slow
def test_a_model_made_here_learns_what_is_preferred(tmp_path: Path) -> None:
    rows = list(pairs())
    texts = [{"text": f"{row['prompt']} {row['rejected']}"} for row in rows]
    for name, values in (("pairs", rows), ("texts", texts)):
        lines = "".join(json.dumps(value) + "\n" for value in values)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    spec = (
        example().replace("hf://Qwen/Qwen3-0.6B", "$base").replace("steps:\n", f"steps:\n{FIRST}")
    )
    (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
    options = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    ended = subprocess.run(
        [sys.executable, "-m", "orchestrator", "run", "spec.yaml", "--json", *options],
        cwd=tmp_path,
        env={**os.environ, "FMO_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    steps: dict[str, Any] = {step["name"]: step for step in json.loads(ended.stdout)["steps"]}
    tuned, exam = steps["prefer"]["metrics"], steps["exam"]["metrics"]
    assert tuned["eval/rewards/accuracies"] == 1
    assert tuned["eval/rewards/margins"] > 0
    assert exam["preference_accuracy"] == 1
    assert exam["base.preference_accuracy"] < 0.5
    assert exam["difference.preference_accuracy"] == 1 - exam["base.preference_accuracy"]
    assert steps["exam-gate"]["status"] == "Succeeded"
