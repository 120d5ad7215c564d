from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from peft import PeftModel  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from training_scripts import pretrain, sft  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.training.tokenizer import train_tokenizer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from training_scripts.container import Job

    MakeJob = Callable[..., Job]
    SettingsOf = Callable[..., dict[str, Any]]

pytestmark = [
    pytest.mark.train,
    # peft reads attributes that transformers is about to rename.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
SCRIPTS = Path(pretrain.__file__).parent


def read(job: Job, name: str) -> Any:
    return json.loads((job.model_dir / name).read_text())


def history(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def logits(folder: Path) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return model(torch.arange(3, 20).unsqueeze(0)).logits


def test_a_pretrained_model_loads_and_generates(base_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_model)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    inputs = tokenizer("Creates a", return_tensors="pt", return_token_type_ids=False)
    out = model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert out.shape[1] > inputs["input_ids"].shape[1]
    assert model.config.vocab_size == len(tokenizer) == 300
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert not list(base_model.rglob("*.bin")) + list(base_model.rglob("*.pt"))


def test_a_training_leaves_finite_metrics_a_history_and_no_checkpoints(base_model: Path) -> None:
    metrics = json.loads((base_model / "metrics.json").read_text())
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["train/steps"] == 10
    assert metrics["eval/perplexity"] == pytest.approx(math.exp(metrics["eval/loss"]))
    assert 0 <= metrics["eval/accuracy"] <= 1
    rows = history(base_model)
    assert {"step", "loss", "learning_rate", "grad_norm", "tokens_per_second"} <= set(rows[0])
    assert [row["step"] for row in rows if "eval_loss" in row] == list(range(1, 11))
    assert not list((base_model.parent / "checkpoints").iterdir())


def test_replayed_rows_are_learned_beside_the_new_ones(
    job: MakeJob,
    settings_of: SettingsOf,
    base_model: Path,
    write_split: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    mixing = job(settings_of("sft", max_steps=2, replay_share=0.25), model=base_model)
    replay = mixing.root / "input" / "data" / "replay"
    write_split(replay, "train", [{"text": f"Reboots the host {n}. " * 30} for n in range(20)])

    sft.main(mixing)

    told = re.search(r"Replay: (\d+) sequences, ([\d.]+)% of the tokens\.", capsys.readouterr().out)
    assert told is not None
    assert float(told[2]) == pytest.approx(25, abs=4), "whole sequences, to the nearest"


def test_continued_pretraining_keeps_the_tokenizer_and_lowers_the_loss(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    own = job(settings_of("continued_pretrain", max_steps=20), model=base_model)
    pretrain.main(own)
    before = json.loads((base_model / "metrics.json").read_text())["eval/loss"]
    assert read(own, "metrics.json")["eval/loss"] < before
    assert read(own, "tokenizer.json") == json.loads((base_model / "tokenizer.json").read_text())
    assert (
        read(own, "config.json")["dtype"]
        == json.loads((base_model / "config.json").read_text())["dtype"]
    )


def test_full_fine_tuning_learns_completions(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    own = job(settings_of("sft", num_train_epochs=4), model=base_model)
    sft.main(own)
    rows = history(own.model_dir)
    losses = [row["eval_loss"] for row in rows if "eval_loss" in row]
    assert losses[-1] < losses[0]
    assert not torch.equal(logits(own.model_dir), logits(base_model))


def test_the_merged_model_is_base_and_adapter_together(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    own = job(
        settings_of("sft", method="lora", max_steps=8, learning_rate=1e-2, lora_r=4),
        model=base_model,
    )
    sft.main(own)
    base = AutoModelForCausalLM.from_pretrained(base_model, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, own.model_dir / "adapter")
    with torch.no_grad():
        expected = adapted(torch.arange(3, 20).unsqueeze(0)).logits
    merged = logits(own.model_dir)
    assert not torch.allclose(merged, logits(base_model), atol=0.1)
    # The merged weights are stored in bfloat16, like the base model's.
    torch.testing.assert_close(merged, expected, atol=0.05, rtol=0.05)
    assert read(own, "adapter/adapter_config.json")["base_model_name_or_path"] is None
    assert read(own, "metrics.json")["train/trainable_parameters"] < 20_000


def test_an_adapter_that_is_not_merged_stands_alone_beside_its_tokenizer(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, tmp_path: Path
) -> None:
    fields = {"method": "lora", "max_steps": 8, "learning_rate": 1e-2, "lora_r": 4}
    own = job(settings_of("sft", merge_adapter=False, **fields), model=base_model)
    sft.main(own)
    names = {path.name for path in own.model_dir.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} < names
    assert not names & {"config.json", "model.safetensors", "adapter"}
    assert "PeftModel.from_pretrained(base" in (own.model_dir / "README.md").read_text()
    base = AutoModelForCausalLM.from_pretrained(base_model, dtype=torch.float32)
    with torch.no_grad():
        adapted = PeftModel.from_pretrained(base, own.model_dir)(torch.arange(3, 20).unsqueeze(0))
    assert not torch.allclose(adapted.logits, logits(base_model), atol=0.1)
    onward = make_onward(own, settings_of("sft"), tmp_path / "onward")
    with pytest.raises(JobFailure, match=r"model_name_or_path: .*only an adapter.*merge_adapter"):
        sft.main(onward)


def make_onward(before: Job, settings: dict[str, Any], root: Path) -> Job:
    """A job on the same rows that starts from the model of `before`."""
    channels = root / "input" / "data"
    channels.mkdir(parents=True)
    (channels / "data").symlink_to(before.input("data"))
    (channels / "model").symlink_to(before.model_dir)
    return type(before)("train", "train", settings, root, "Training")


def test_conversations_are_learned_in_the_model_s_chat_template(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> None:
    own = job(settings_of("sft", max_steps=2, max_length=128), model=base_model)
    turns = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "A bucket."}]
    write_split(own.input("data"), "train", [{"messages": turns}] * 3)
    sft.main(own)
    assert read(own, "metrics.json")["train/steps"] == 2


def test_the_same_texts_train_the_same_tokenizer() -> None:
    words = [f"word{i % 13} of number {i}" for i in range(200)]
    first, second = (train_tokenizer(words, 320, max_length=64) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()
    assert first.decode(first("naïve 🤖\n")["input_ids"]) == "naïve 🤖\n"


def start_script(job: Job, script: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "FMO_ML_ROOT": str(job.root), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / script)],
        env=environment,
        cwd=SCRIPTS.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def interrupt(job: Job, number: int) -> int:
    """Start the job and send it the signal once it has a checkpoint; return its exit code."""
    process = start_script(job, "pretrain.py")
    try:
        deadline = time.monotonic() + 60
        while not list(job.checkpoint_dir.glob("*/step-*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)]
)
def test_a_killed_and_resumed_job_leaves_the_same_weights(
    job: MakeJob,
    settings_of: SettingsOf,
    base_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
    number: signal.Signals,
    code: int,
) -> None:
    settings = settings_of("continued_pretrain", max_steps=150, save_steps=3, eval_steps=150)
    own = job(settings, model=base_model)
    assert interrupt(own, number) == code
    assert not (own.model_dir / "metrics.json").exists()
    resumed = start_script(own, "pretrain.py")
    out, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0
    assert "Resuming after step" in out
    whole = type(own)("train", "train", settings, tmp_path_factory.mktemp("whole"), "Training")
    (whole.root / "input").symlink_to(own.root / "input")
    undisturbed = start_script(whole, "pretrain.py")
    undisturbed.communicate(timeout=120)
    first, second = (load_file(j.model_dir / "model.safetensors") for j in (own, whole))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert read(own, "metrics.json")["eval/loss"] == read(whole, "metrics.json")["eval/loss"]


def test_weights_that_are_pickles_are_refused(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((base_model / name).read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(JobFailure, match=r"weights are pickles \(pytorch_model.bin\)"):
        sft.main(job(settings_of("sft"), model=folder))


def test_a_folder_that_is_no_model_is_named(
    job: MakeJob, settings_of: SettingsOf, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(JobFailure, match=r"model_name_or_path: .*the folder is empty"):
        sft.main(job(settings_of("sft"), model=folder))


def test_an_empty_train_split_is_refused(job: MakeJob, settings_of: SettingsOf) -> None:
    own = job(settings_of("pretrain"))
    (own.input("data") / "train.jsonl").write_text("")
    with pytest.raises(JobFailure, match=r"train.jsonl is empty or missing"):
        pretrain.main(own)


def test_a_missing_validation_split_only_leaves_its_metrics_out(
    job: MakeJob, settings_of: SettingsOf
) -> None:
    own = job(settings_of("pretrain", max_steps=2))
    (own.input("data") / "validation.jsonl").unlink()
    pretrain.main(own)
    assert "eval/loss" not in read(own, "metrics.json")


def test_a_vocabulary_too_small_for_the_bytes_is_refused() -> None:
    with pytest.raises(JobFailure, match=r"vocab_size: 100 has no room for 256 bytes"):
        train_tokenizer(["text"], 100, max_length=8)


def test_a_prompt_longer_than_max_length_is_refused(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    with pytest.raises(JobFailure, match=r"max_length"):
        sft.main(job(settings_of("sft", max_length=8), model=base_model))


def test_rows_without_a_token_to_learn_are_refused(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> None:
    own = job(settings_of("sft", max_length=64), model=base_model)
    turns = [{"role": "user", "content": "What?"}]
    write_split(own.input("data"), "train", [{"messages": turns}])
    with pytest.raises(JobFailure):
        sft.main(own)


def test_sequences_longer_than_the_model_was_made_for_are_refused(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    with pytest.raises(JobFailure, match=r"max_length: 256 is above the 128 positions"):
        sft.main(job(settings_of("sft", max_length=256), model=base_model))


def test_heads_that_do_not_divide_the_hidden_size_are_refused(
    job: MakeJob, settings_of: SettingsOf
) -> None:
    settings = settings_of("pretrain")
    settings["architecture"] |= {"num_attention_heads": 5}
    with pytest.raises(JobFailure, match=r"hidden_size: 32 is not a multiple"):
        pretrain.main(job(settings))


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(
    job: MakeJob,
    settings_of: SettingsOf,
    base_model: Path,
    tmp_path: Path,
    write_split: Callable[..., None],
) -> None:
    # The third step is the epoch's last: one sequence, so that one process has none.
    fields = {"max_steps": 4, "global_batch_size": 8, "per_device_train_batch_size": 4}
    settings = settings_of("continued_pretrain", bf16=False, packing=False, **fields)
    own = job(settings, model=base_model)
    rows = [{"text": f"Lists a queue number {number}."} for number in range(17)]
    write_split(own.input("data"), "train", rows)
    pretrain.main(own)
    pair = type(own)("train", "train", settings, tmp_path / "pair", "Training")
    pair.root.mkdir()
    (pair.root / "input").symlink_to(own.root / "input")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2",
         str(SCRIPTS / "pretrain.py")],
        env={**os.environ, "FMO_ML_ROOT": str(pair.root), "OMP_NUM_THREADS": "1"},
        cwd=SCRIPTS.parent,
        check=True,
        capture_output=True,
        timeout=120,
    )  # fmt: skip
    one, two = (read(j, "metrics.json") for j in (own, pair))
    assert two["train/tokens"] == one["train/tokens"]
    assert two["eval/loss"] == pytest.approx(one["eval/loss"], rel=1e-5)
