"""The shipped pipeline, run whole: the same YAML, with fewer rows, steps and parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PIPELINE = Path(__file__).parents[3] / "pipelines" / "aws_docs_assistant.yaml"
PARAMETERS = {
    "Pages": 80,
    "Questions": 900,
    "PretrainSteps": 4,
    "ContinuedSteps": 2,
    "TuneSteps": 4,
}
SMALLER = {
    "steps.pretrain.architecture.hidden_size": "32",
    "steps.pretrain.architecture.intermediate_size": "64",
    "steps.pretrain.architecture.num_hidden_layers": "1",
    "steps.pretrain.architecture.num_attention_heads": "2",
    "steps.pretrain.tokenizer.vocab_size": "800",
    "steps.exam.max_new_tokens": "8",
    "steps.exam.gates": "{max: {leaked_rows: 0}}",
}


def fmo(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FMO_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "orchestrator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("fmo")
    options = [
        option for name, value in PARAMETERS.items() for option in ("--param", f"{name}={value}")
    ]
    options += [
        option for path, value in SMALLER.items() for option in ("--set", f"{path}={value}")
    ]
    ended = fmo("run", str(PIPELINE), "--json", *options, home=home)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {"home": home, **json.loads(ended.stdout)}


def step(ran: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in ran["steps"] if one["name"] == name)
    return found


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.xdist_group("aws_docs_assistant")
class TestTheAssistant:
    def test_every_step_succeeds(self, ran: dict[str, Any]) -> None:
        assert ran["status"] == "Succeeded"
        ended = {one["name"]: one["status"] for one in ran["steps"]}
        del ended["exam-gate-failed"]
        assert set(ended.values()) == {"Succeeded"}

    def test_the_exam_compares_each_task_with_base_and_baselines(self, ran: dict[str, Any]) -> None:
        rows = {row["task"]: row for row in step(ran, "exam")["table"]["rows"]}

        assert set(rows) == {"choice", "direction", "error", "required", "summary", "type"}
        assert rows["summary"]["metric"] == "rouge_l"
        closed = {"base", "majority", "first_word", "tfidf", "verdict"}
        assert all(closed <= set(row) for task, row in rows.items() if task != "summary")

    def test_no_family_of_operations_is_on_both_sides_of_the_split(
        self, ran: dict[str, Any]
    ) -> None:
        sides = {
            side: {row["family"] for row in stored_rows(ran, f"{side}.jsonl")}
            for side in ("train", "validation", "test")
        }

        assert all(sides.values())
        assert sides["train"] & sides["test"] == set()
        assert sides["validation"] & sides["test"] == set()

    def test_the_report_shows_what_the_model_writes(self, ran: dict[str, Any]) -> None:
        report = Path(ran["report"]).read_text(encoding="utf-8")

        sample = step(ran, "exam")["samples"][0]
        assert sample["expected"] in report
        assert "tfidf" in report or "TF-IDF" in report

    def test_the_model_is_registered_with_its_card(self, ran: dict[str, Any]) -> None:
        models = fmo("models", "--json", home=ran["home"])

        assert "aws-docs-assistant" in models.stdout
        assert "PendingManualApproval" in models.stdout

    def test_a_second_run_takes_every_job_from_the_cache(self, ran: dict[str, Any]) -> None:
        options = [o for name, value in PARAMETERS.items() for o in ("--param", f"{name}={value}")]
        options += [o for path, value in SMALLER.items() for o in ("--set", f"{path}={value}")]

        again = json.loads(fmo("run", str(PIPELINE), "--json", *options, home=ran["home"]).stdout)

        jobs = [one for one in again["steps"] if one["type"] in ("Processing", "Training")]
        assert len(jobs) == 8
        assert all(job["cached"] for job in jobs)
        assert step(again, "exam")["metrics"] == step(ran, "exam")["metrics"]


def stored_rows(ran: dict[str, Any], file: str) -> list[dict[str, Any]]:
    outputs = step(ran, "questions")["outputs"]
    found = [
        ran["home"] / "s3" / uri.removeprefix("s3://") / file
        for name, uri in outputs.items()
        if name in ("data", "test")
    ]
    path = next(path for path in found if path.is_file())
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
