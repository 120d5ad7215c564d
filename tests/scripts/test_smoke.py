"""What a job does differently in a smoke run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.scripts.test_launch_run import simulate
from training_scripts.container import current_job
from training_scripts.shrink_model import shrink
from training_scripts.smoke import Smoke, has_real_model, smoke_of, take_smoke, tiny
from training_scripts.training.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

LLAMA = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "vocab_size": 400,
}


@pytest.mark.parametrize(
    ("said", "smoke"),
    [
        ("--fmo_smoke=true,200,10", Smoke(200, 10)),
        ("--fmo_smoke=True,200,10", Smoke(200, 10)),
        ("--fmo_smoke=false,200,10", None),
    ],
)
def test_no_script_sees_the_argument_about_smoke_runs(said: str, smoke: Smoke | None) -> None:
    assert take_smoke(["sft.py", "--seed=1", said]) == (["sft.py", "--seed=1"], smoke)


def test_a_job_started_by_hand_is_no_smoke_run() -> None:
    assert take_smoke(["sft.py"]) == (["sft.py"], None)
    assert smoke_of({}) is None


def test_what_the_launcher_says_is_what_the_script_reads(tmp_path: Path) -> None:
    smoke = Smoke(50, 3, {"model": tmp_path})
    assert smoke_of(smoke.to_environment()) == smoke


def test_a_tiny_model_keeps_the_family_the_vocabulary_and_grouped_heads() -> None:
    assert tiny(LLAMA) == {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 400,
    }


def test_nothing_of_a_model_grows() -> None:
    small = {**LLAMA, "hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 1}
    assert tiny(small)["hidden_size"] == 24
    assert tiny(small)["num_attention_heads"] == 3
    assert tiny(small)["num_key_value_heads"] == 1


def test_a_hybrid_model_keeps_a_layer_that_attends_to_everything() -> None:
    kinds = ["sliding_attention"] * 5 + ["full_attention"]
    found = tiny({**LLAMA, "layer_types": kinds})
    assert found["layer_types"] == ["sliding_attention", "full_attention"]
    assert tiny(found) == found


@pytest.mark.train
@pytest.mark.parametrize(
    "family",
    ["llama", "mistral", "qwen3", "qwen3_moe", "gemma3_text", "phi3", "gpt2", "gpt_neox", "opt"],
)
def test_every_family_can_be_made_tiny(tmp_path: Path, family: str) -> None:
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415

    real, made = tmp_path / "real", tmp_path / "made"
    config = AutoConfig.for_model(family)
    config.vocab_size, config.pad_token_id = 400, 0
    config.save_pretrained(real)
    assert has_real_model(real)
    assert shrink(real, made) == ""
    assert not has_real_model(made)
    model = AutoModelForCausalLM.from_pretrained(made)
    assert sum(weights.numel() for weights in model.parameters()) < 500_000
    with torch.inference_mode():
        assert model(torch.tensor([[1, 2, 3]])).logits.shape == (1, 3, 400)


@pytest.mark.train
def test_what_cannot_be_made_tiny_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-family"}')
    assert shrink(tmp_path, tmp_path / "made").startswith(
        "no tiny model of type 'no-such-family' can be made ("
    )


@pytest.mark.train
def test_the_launcher_gives_a_script_tiny_models(tmp_path: Path) -> None:
    script = """\
import json, os
from training_scripts.container import current_job
job = current_job()
config = json.loads((job.input("model") / "config.json").read_text())
print(config["hidden_size"], os.environ["SM_CHANNEL_MODEL"] == str(job.input("model")))
print((job.input("model") / "tokenizer.json").read_text(), job.smoke.rows, job.settings)
"""
    job = simulate(tmp_path, "Training", script)
    (job.code / "config.json").write_text('{"kind": "train", "step": "a", "settings": {}}')
    model = job.code.parent / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(LLAMA))
    (model / "tokenizer.json").write_text("words")
    code, out, err = job.launch("--fmo_smoke=true,50,3")
    assert code == 0, err
    assert out.splitlines()[-2:] == ["64 True", "words 50 {}"]
    assert json.loads((model / "config.json").read_text()) == LLAMA


def test_settings_are_capped_and_the_rest_stays() -> None:
    from tests.scripts.training.conftest import settings_of  # noqa: PLC0415

    values = settings_of("pretrain", global_batch_size=64, per_device_train_batch_size=16)
    found = read_settings(values, Smoke(200, 10))
    assert found.max_steps == 10
    assert (found.per_device_train_batch_size, found.global_batch_size) == (2, None)
    assert found.learning_rate == values["learning_rate"]
    assert read_settings(values).max_steps == -1


def test_a_job_knows_the_caps_and_where_tiny_models_are(tmp_path: Path) -> None:
    code = tmp_path / "input/data/code"
    code.mkdir(parents=True)
    (code / "config.json").write_text("{}")
    made = tmp_path / "smoke/model"
    made.mkdir(parents=True)
    environment: dict[str, Any] = {
        "FMO_ML_ROOT": str(tmp_path),
        **Smoke(5, 2, {"model": made}).to_environment(),
    }
    job = current_job([], environment)
    assert job.smoke == Smoke(5, 2, {"model": made})
    assert job.input("model") == made
