"""`fmo run --smoke`: the whole pipeline in a minute, whatever the size of its models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.scripts.conftest import build_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cli.conftest import Fmo

SPEC = """\
name: big
steps:
  split:
    kind: dataset
    data: ./rows.jsonl
    prompt_template: question-answer
    split: {validation: 0.01, test: 0.01}
  sft:
    kind: train
    objective: sft
    method: lora
    lora_r: 64
    model_name_or_path: ./base
    data: $split
    max_length: 64
    max_steps: 100000
    gates: {max: {eval/loss: 0.001}}
  exam:
    kind: evaluate
    model: $sft.model
    base_model: ./base
    data: $split.test
    train_data: $split
    gates: {min: {exact_match: 0.9}}
  publish: {kind: register, model: $exam.model, model_package_group_name: big}
  tell: {kind: processing, script: ./tell.py, outputs: {said: text}}
  fit:
    kind: train
    script: ./fit.py
    inputs: {train: $split}
    hyperparameters: {epochs: 20, rate: 0.5}
    smoke: {epochs: 1}
    metric_definitions: {epochs: "epochs=([0-9]+)", rate: "rate=([0-9.]+)"}
"""
FIT = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--rate", type=float)
print("epochs={0.epochs} rate={0.rate}".format(parser.parse_args()))
"""
TELL = """\
import os, pathlib
said = os.environ.get("FMO_SMOKE", "no smoke run")
pathlib.Path("/opt/ml/processing/output/said/said.txt").write_text(said)
"""


FAIL = '{"Name": "no", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}'


def write_model(folder: Path) -> None:
    """A model of a size that nobody would train here, with weights that nobody could load."""
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 2048,
        "vocab_size": 400,
    }
    build_tokenizer().save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_text("not read")


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fmo, Any]:
    from tests.functional.cli.conftest import Fmo  # noqa: PLC0415

    fmo = Fmo(tmp_path_factory.mktemp("smoke"))
    write_model(fmo.folder / "base")
    rows = [{"prompt": f"What is {n}?", "completion": f"Number {n}."} for n in range(600)]
    (fmo.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (fmo.folder / "tell.py").write_text(TELL)
    (fmo.folder / "fit.py").write_text(FIT)
    (fmo.folder / "big.yaml").write_text(SPEC)
    done = fmo("run", "big.yaml", "--smoke", "--json")
    assert done.code == 0, done.stderr
    return fmo, done


@pytest.mark.train
def test_a_pipeline_with_a_large_model_ends_with_tiny_ones(tried: tuple[Fmo, Any]) -> None:
    fmo, done = tried
    steps = {step["name"]: step for step in done.document["steps"]}
    assert steps["sft"]["metrics"]["train/steps"] == 10
    assert steps["sft"]["metrics"]["train/parameters"] < 500_000
    assert steps["split"]["metrics"]["rows"] <= 220
    key = steps["sft"]["outputs"]["model"].removeprefix("s3://")
    config = json.loads((fmo.folder / ".fmo/s3" / key / "config.json").read_text())
    assert (config["hidden_size"], config["num_hidden_layers"]) == (64, 2)


@pytest.mark.train
def test_gates_tell_and_let_pass_and_nothing_is_registered(tried: tuple[Fmo, Any]) -> None:
    fmo, done = tried
    steps = {step["name"]: step for step in done.document["steps"]}
    (text,) = steps["sft-gate"]["conditions"]
    assert text.endswith("<= 0.001 (not enforced)")
    assert steps["exam-gate"]["conditions"] == ["exact_match 0 >= 0.9 (not enforced)"]
    assert steps["publish-unless-smoke"]["conditions"] == ["left out of smoke runs"]
    assert steps["publish"]["status"] == "NotStarted"
    assert fmo("models", "--json").document == []
    assert done.stderr.splitlines()[-3:] == [
        "smoke run: few rows and steps, tiny models; the numbers mean nothing",
        "gates were not enforced, and nothing was registered",
        "next: fmo run big.yaml",
    ]


@pytest.mark.train
def test_a_list_of_executions_tells_a_smoke_run_from_others(tried: tuple[Fmo, Any]) -> None:
    fmo, _ = tried
    shown = fmo("runs")
    assert "big (smoke)" in shown.stdout + shown.stderr
    (listed,) = fmo("runs", "--json").document
    assert listed["smoke"] is True


@pytest.mark.train
def test_a_users_script_can_tell_a_smoke_run(tried: tuple[Fmo, Any]) -> None:
    fmo, done = tried
    steps = {step["name"]: step for step in done.document["steps"]}
    key = steps["tell"]["outputs"]["said"].removeprefix("s3://")
    assert (fmo.folder / ".fmo/s3" / key / "said.txt").read_text() == "200,10"


@pytest.mark.train
def test_a_script_of_ones_own_gets_what_the_spec_says_of_smoke_runs(
    tried: tuple[Fmo, Any],
) -> None:
    steps = {step["name"]: step for step in tried[1].document["steps"]}
    assert steps["fit"]["metrics"] == {"epochs": 1, "rate": 0.5}


def test_a_definition_of_another_tool_has_no_smoke_runs(fmo: Fmo) -> None:
    (fmo.folder / "other.json").write_text(f'{{"Version": "2020-12-01", "Steps": [{FAIL}]}}')
    done = fmo("run", "other.json", "--smoke")
    assert done.code == 2
    assert done.stderr == (
        "FMO100 --smoke: the definition has no parameter 'Smoke', which every definition of fmo "
        "has. Leave it out, or compile the spec anew.\n"
    )
