"""The job of kind `generate`: what it writes, and that whatever ends it costs one batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import training_scripts
from training_scripts.container import Job, JobFailure
from training_scripts.evaluation.completing import Share
from training_scripts.generate import run

pytestmark = pytest.mark.train

SCRIPTS = Path(training_scripts.__file__).parent
ROWS: list[dict[str, Any]] = [
    {"id": f"r{n}", "prompt": f"What is {n}?" + " Say." * (n % 5), "completion": f"It is {n}."}
    for n in range(24)
] + [{"messages": [{"role": "user", "content": "list"}], "task": "chat", "deep": {"a": [1]}}]
DRAWN = {"temperature": 1.2, "num_return_sequences": 2, "top_k": 50}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=96,
        eos_token_id=0,
        bos_token_id=None,
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def make_job(root: Path, weights: Path, tokenizer: Any, **settings: Any) -> Job:
    channels = root / "input" / "data"
    tokenizer.save_pretrained(channels / "model")
    for file in weights.iterdir():
        (channels / "model" / file.name).write_bytes(file.read_bytes())
    (channels / "data").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (channels / "data" / "test.jsonl").write_text(lines, encoding="utf-8")
    values = {"max_new_tokens": 8, "per_device_eval_batch_size": 4, **settings}
    (channels / "code").mkdir()
    config = {"kind": "generate", "step": "write", "settings": values}
    (channels / "code" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Job("generate", "write", values, root, "Training")


@pytest.fixture
def job(tmp_path: Path, weights: Path, tokenizer: Any) -> Job:
    return make_job(tmp_path / "ml", weights, tokenizer, **DRAWN)


def twin(job: Job, root: Path) -> Job:
    """A job with the same input that has not begun."""
    root.mkdir()
    (root / "input").symlink_to(job.root / "input")
    return Job(job.kind, job.step, job.settings, root, job.contract)


def written(job: Job) -> bytes:
    return (job.model_dir / "data" / "completions.jsonl").read_bytes()


def rows_of(job: Job) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(job).splitlines()]


def metrics_of(job: Job) -> dict[str, float]:
    found: dict[str, float] = json.loads((job.model_dir / "metrics.json").read_text())
    return found


def start(job: Job, *launcher: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, str(SCRIPTS / "generate.py")],
        env={
            **os.environ,
            "FMO_ML_ROOT": str(job.root),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(SCRIPTS.parent),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_every_row_gets_its_completions_in_order_and_keeps_its_columns(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    run(job, Share())

    rows = rows_of(job)
    assert [row["id"] for row in rows] == [*(f"r{n}" for n in range(24)), 24]
    assert rows[3]["prompt"] == ROWS[3]["prompt"]
    assert rows[3]["reference"] == "It is 3."
    assert list(rows[24]) == ["id", "prompt", "completions", "finish_reasons", "task", "deep"]
    assert rows[24]["prompt"] == ROWS[24]["messages"]
    assert all(len(row["completions"]) == len(row["finish_reasons"]) == 2 for row in rows)
    assert {reason for row in rows for reason in row["finish_reasons"]} <= {"stop", "length"}
    log = capsys.readouterr().out
    assert "progress step=7/7" in log
    assert "tokens_per_second=" in log
    assert list(job.checkpoint_dir.iterdir()) == [], "a finished run needs no checkpoints"


def test_the_page_shows_a_row_as_it_is_written(job: Job) -> None:
    row = ROWS[24] | {"id": "q7", "task": "qa"}
    row["messages"] = [*row["messages"], {"role": "assistant", "content": "Storage."}]
    (job.input("data") / "test.jsonl").write_text(json.dumps(row))
    run(job, Share())

    page = (SCRIPTS.parent / "docs" / "steps" / "generate.md").read_text(encoding="utf-8")
    shown = json.loads(page.partition("```json\n")[2].partition("\n```")[0])
    (written_row,) = rows_of(job)
    assert list(written_row) == [*shown, "deep"]
    assert {name: type(value) for name, value in shown.items()} == {
        name: type(written_row[name]) for name in shown
    }
    missing = [name for name in metrics_of(job) if f"`{name}`" not in page]
    assert missing == []


def test_the_metrics_are_those_of_the_rows(job: Job) -> None:
    run(job, Share())

    metrics = metrics_of(job)
    rows = rows_of(job)
    cut = sum(reason == "length" for row in rows for reason in row["finish_reasons"])
    empty = sum(not text.strip() for row in rows for text in row["completions"])
    assert (metrics["rows"], metrics["completions"]) == (25, 50)
    assert metrics["clipped_ratio"] == pytest.approx(cut / 50)
    assert metrics["empty_ratio"] == pytest.approx(empty / 50)
    assert metrics["mean_length"] == pytest.approx(metrics["tokens"] / 50)
    assert 8 * cut <= metrics["tokens"] <= 8 * 50
    assert metrics["tokens_per_second"] > 0
    samples = (job.model_dir / "samples.jsonl").read_text().splitlines()
    assert len(samples) == 12
    assert json.loads(samples[1])["tuned"] == rows[1]["completions"][0]


def test_the_batch_size_changes_no_completion(job: Job, tmp_path: Path) -> None:
    run(job, Share())
    other = twin(job, tmp_path / "other")
    other.settings["per_device_eval_batch_size"] = 9
    run(other, Share())

    assert written(other) == written(job)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)]
)
def test_a_killed_and_resumed_job_writes_what_an_undisturbed_one_does(
    weights: Path, tokenizer: Any, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    settings = {**DRAWN, "max_new_tokens": 60, "per_device_eval_batch_size": 1}
    job = make_job(tmp_path / "ml", weights, tokenizer, **settings)
    process = start(job)
    try:
        while not any(path.stat().st_size for path in job.checkpoint_dir.glob("*/part-0.jsonl")):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.002)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert not (job.model_dir / "metrics.json").exists()

    resumed = start(job)
    log = resumed.communicate(timeout=120)[0]
    assert resumed.returncode == 0, log
    assert "Resuming after" in log
    whole = twin(job, tmp_path / "whole")
    undisturbed = start(whole)
    undisturbed.communicate(timeout=120)
    assert written(job) == written(whole)
    kept, expected = metrics_of(job), metrics_of(whole)
    assert kept.pop("tokens_per_second") > 0
    expected.pop("tokens_per_second")
    assert kept == expected


@pytest.mark.slow
def test_two_processes_write_what_one_does(job: Job, tmp_path: Path) -> None:
    pair = twin(job, tmp_path / "pair")
    process = start(pair, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    log = process.communicate(timeout=120)[0]
    assert process.returncode == 0, log
    run(job, Share())

    assert written(pair) == written(job)
    assert metrics_of(pair)["tokens"] == metrics_of(job)["tokens"]


def test_a_run_with_other_settings_begins_anew(job: Job) -> None:
    run(job, Share())
    first = written(job)
    job.settings["seed"] = 7
    run(job, Share())

    assert written(job) != first


def test_processes_of_several_instances_are_refused() -> None:
    with pytest.raises(JobFailure, match="instance_count: the instances have no disk in common"):
        Share.of({"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "RANK": "3"})
    assert Share.of({"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "1"}).size == 2
    assert Share.of({}) == Share(0, 1, 0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"max_length": 6},
            "25 of 25 prompts have no room for a completion within 6 tokens, max_length ('r0' has",
        ),
        ({"max_rows": 3, "max_length": 7}, "3 of 3 prompts"),
    ],
)
def test_a_prompt_without_room_for_a_completion_is_refused(
    job: Job, settings: dict[str, Any], said: str
) -> None:
    job.settings.update(settings)

    with pytest.raises(JobFailure) as failure:
        run(job, Share())

    assert said in str(failure.value)


def test_a_prompt_longer_than_the_model_takes_is_refused(job: Job) -> None:
    long = {"prompt": "Deletes the stack policy. " * 90}
    (job.input("data") / "test.jsonl").write_text(json.dumps(long))

    with pytest.raises(JobFailure, match="within 96 tokens, what the model takes"):
        run(job, Share())


# peft 0.21 reads an attribute that transformers 5.23 warns about.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_saved_alone_is_asked_on_top_of_its_base(job: Job) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    run(job, Share())
    plain = written(job)
    channels = job.root / "input" / "data"
    (channels / "model").rename(channels / "base_model")
    base = AutoModelForCausalLM.from_pretrained(channels / "base_model")
    adapter = get_peft_model(base, LoraConfig(r=2, target_modules="all-linear"))
    adapter.save_pretrained(channels / "model")

    run(job, Share())

    assert written(job) == plain, "a fresh adapter changes nothing"
