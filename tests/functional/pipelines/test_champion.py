"""A model against the one in use: nothing to compare with at first, then what was approved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
name: drafts
steps:
  split: {kind: dataset, data: ./rows.jsonl, split: {validation: 0, test: 0.5}}
  base:
    kind: train
    objective: pretrain
    data: ./texts
    architecture: {hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2}
    tokenizer: {vocab_size: 300}
    max_length: 64
    max_steps: 4
  exam:
    kind: evaluate
    model: $base
    data: $split.test
    champion: $registry.drafts.approved
    max_new_tokens: 2
    gates: {min: {champion.difference.accuracy: 0}}
  publish: {kind: register, model: $exam.model, model_package_group_name: drafts}
"""


@dataclass(frozen=True)
class Command:
    """`fmo`, started in a folder of its own."""

    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        ended = subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments, "--json"],
            cwd=self.folder,
            env={**os.environ, "FMO_HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, ended.stderr[-3000:]
        return json.loads(ended.stdout)


@pytest.fixture
def fmo(tmp_path: Path) -> Command:
    rows = [
        {"prompt": f"Is {number} odd?", "completion": "yes" if number % 2 else "no"}
        for number in range(40)
    ]
    (tmp_path / "texts").mkdir()
    texts = [{"text": f"{row['prompt']} {row['completion']}"} for row in rows]
    for name, values in (("rows", rows), ("texts/train", texts)):
        lines = "".join(json.dumps(value) + "\n" for value in values)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return Command(tmp_path)


def log_of(step: dict[str, Any]) -> str:
    with open(step["log"], encoding="utf-8") as file:  # noqa: PTH123 - the path is text
        return file.read()


@pytest.mark.train
@pytest.mark.slow
def test_a_model_is_compared_with_what_was_approved_before_it(fmo: Command) -> None:
    first = {step["name"]: step for step in fmo("run", "spec.yaml")["steps"]}
    missing = "champion: no version of drafts is approved yet; nothing to compare with"
    assert missing in log_of(first["exam"])
    metrics = first["exam"]["metrics"]
    told = {name: value for name, value in metrics.items() if name.startswith("champion.")}
    assert told == {"champion.found": 0, "champion.difference.accuracy": 0}
    assert first["publish"]["status"] == "Succeeded"

    approved = fmo("models", "approve", "drafts/1", "--note", "read by two people")
    assert approved["approval_status"] == "Approved"
    assert approved["approval_description"] == "read by two people"

    second = {step["name"]: step for step in fmo("run", "spec.yaml")["steps"]}
    assert second["base"]["cached"]  # The same model again, against itself.
    assert "champion: drafts/1" in log_of(second["exam"])
    metrics = second["exam"]["metrics"]
    assert metrics["champion.found"] == 1
    assert metrics["champion.version"] == 1
    assert metrics["champion.accuracy"] == metrics["accuracy"]
    assert metrics["champion.difference.accuracy"] == 0
    assert metrics["champion.p_value.accuracy"] == 1
    (row,) = second["exam"]["table"]["rows"]
    assert row["champion"]["value"] == metrics["accuracy"]
    assert row["verdict"] == "ties"

    # A better champion keeps the gate shut: what has to be won is more than there is to win.
    bound = "steps.exam.gates.min={champion.difference.accuracy: 0.01}"
    third = fmo("run", "spec.yaml", "--set", bound, code=1)
    assert "champion.difference.accuracy is 0.0 (must be at least 0.01)" in third["failure_reason"]

    fmo("models", "reject", "drafts/1")
    fourth = {step["name"]: step for step in fmo("run", "spec.yaml")["steps"]}
    assert fourth["exam"]["metrics"]["champion.found"] == 0
