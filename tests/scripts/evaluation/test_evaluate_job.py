from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import Job, JobFailure
from training_scripts.data.rows import PreferenceRow, PromptRow, write_rows
from training_scripts.evaluate import DEFAULTS, examine

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


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
        eos_token_id=0,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def rows(count: int) -> list[PromptRow]:
    closed = [
        PromptRow(f"c{n}", f"Is {n} odd?", "yes" if n % 2 else "no", "odd") for n in range(count)
    ]
    return closed + [
        PromptRow(f"o{n}", f"What is {n}?", f"It is {n}.", "say") for n in range(count)
    ]


@pytest.fixture
def job(tmp_path: Path, weights: Path, tokenizer: Any) -> Job:
    inputs = tmp_path / "processing" / "input"
    for name in ("model", "base_model"):
        tokenizer.save_pretrained(inputs / name)
        for file in weights.iterdir():
            (inputs / name / file.name).write_bytes(file.read_bytes())
    write_rows(inputs / "data" / "test.jsonl", rows(25))
    write_rows(inputs / "train_data" / "train.jsonl", rows(30))
    settings = {"max_new_tokens": 4, "max_rows_per_task": 20, "instance_count": 1}
    return Job("evaluate", "exam", settings, tmp_path, "Processing")


def output(job: Job, name: str) -> str:
    return (job.root / "processing" / "output" / name).read_text(encoding="utf-8")


def test_an_exam_leaves_metrics_a_table_and_samples(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    examine(job)

    metrics = json.loads(output(job, "metrics/metrics.json"))
    assert metrics["rows"] == 40
    assert metrics["difference.loss"] == 0, "the base is the same model"
    assert metrics["leaked_rows"] == 40
    assert {"accuracy.odd.low", "base.rouge_l.say", "baseline.tfidf.accuracy.odd"} <= set(metrics)
    table = json.loads(output(job, "metrics/table.json"))
    assert [row["task"] for row in table["rows"]] == ["odd", "say"]
    samples = [json.loads(line) for line in output(job, "samples/samples.jsonl").splitlines()]
    assert len(samples) == DEFAULTS["num_samples"]
    assert set(samples[0]) == {"task", "prompt", "expected", "base", "tuned"}
    assert samples[0]["base"] == samples[0]["tuned"]
    log = capsys.readouterr().out
    assert "progress step=" in log
    assert "odd             accuracy" in log


def test_preferences_are_examined_beside_the_base(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [
        PreferenceRow(
            f"p{n}", PromptRow("", f"Is {n} odd?", "yes"), PromptRow("", f"Is {n} odd?", "no")
        )
        for n in range(10)
    ]
    write_rows(job.input("data") / "test.jsonl", pairs)
    write_rows(job.input("train_data") / "train.jsonl", pairs[:2])
    examine(job)

    metrics = json.loads(output(job, "metrics/metrics.json"))
    assert {"preference_accuracy.low", "base.preference_accuracy_sum.high"} <= set(metrics)
    assert metrics["difference.preference_accuracy"] == 0
    assert metrics["leaked_rows"] == 2
    assert not [name for name in metrics if name.startswith("accuracy")]
    assert json.loads(output(job, "metrics/table.json"))["rows"][0]["kind"] == "preference"
    # Two models, each with batches of losses, of what they write, and of rejected answers.
    assert "progress step=6/6" in capsys.readouterr().out


def test_an_exam_is_the_same_twice(job: Job) -> None:
    examine(job)
    first = output(job, "metrics/metrics.json")
    examine(job)

    assert output(job, "metrics/metrics.json") == first


def test_the_model_is_not_copied(job: Job) -> None:
    examine(job)

    assert not (job.root / "processing" / "output" / "model").exists()


def test_a_folder_without_a_model_is_named_before_anything_is_loaded(job: Job) -> None:
    for file in (job.input("base_model")).glob("*.safetensors"):
        file.unlink()

    with pytest.raises(JobFailure, match=r"base_model: no model there; .* found .*config\.json"):
        examine(job)


def test_damaged_weights_are_told_at_the_field_that_names_them(job: Job) -> None:
    for file in job.input("model").glob("*.safetensors"):
        file.unlink()
    (job.input("model") / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(JobFailure, match=r"^model: its weights are damaged \(.*\)\. Pass a causal"):
        examine(job)


def test_an_adapter_without_its_base_says_what_to_set(job: Job) -> None:
    for name in ("model", "base_model"):
        for file in job.input(name).iterdir():
            file.unlink()
        job.input(name).rmdir()
    job.output("x")
    (job.root / "processing" / "input" / "model").mkdir()
    (job.input("model") / "adapter_config.json").write_text("{}", encoding="utf-8")

    with pytest.raises(JobFailure, match=r"holds only an adapter\. Set base_model"):
        examine(job)


def test_a_row_longer_than_the_limit_is_refused(job: Job) -> None:
    job.settings["max_length"] = 8

    with pytest.raises(JobFailure, match="max_length"):
        examine(job)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("confidence", 95, "confidence: has to lie between 0 and 1, found 95. Write 0.95."),
        ("max_new_tokens", 0, "max_new_tokens: has to be at least 1, found 0."),
        (
            "closed_tasks",
            ["od"],
            "closed_tasks: no row has the task 'od'. Write one of 'odd', 'say'",
        ),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    job: Job, name: str, value: object, message: str
) -> None:
    job.settings[name] = value

    with pytest.raises(JobFailure) as failure:
        examine(job)

    assert message in str(failure.value)


# peft 0.21 reads an attribute that transformers 5.23 warns about.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_is_examined_on_top_of_its_base(job: Job) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    base = AutoModelForCausalLM.from_pretrained(job.input("base_model"))
    adapter = get_peft_model(base, LoraConfig(r=2, target_modules="all-linear"))
    for file in job.input("model").iterdir():
        file.unlink()
    adapter.save_pretrained(job.input("model"))

    examine(job)

    assert json.loads(output(job, "metrics/metrics.json"))["difference.loss"] == pytest.approx(
        0, abs=1e-6
    )
