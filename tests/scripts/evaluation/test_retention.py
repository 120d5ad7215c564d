from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import Job, JobFailure
from training_scripts.data.rows import PromptRow, TextRow, write_rows
from training_scripts.evaluate import examine
from training_scripts.evaluation.exam import Answers, ExamSettings, Paper
from training_scripts.evaluation.likelihood import Loss
from training_scripts.evaluation.questions import as_questions
from training_scripts.evaluation.retention import LEVERS, forgetting, verdict_on
from training_scripts.evaluation.scores import Measure

if TYPE_CHECKING:
    from pathlib import Path

MEASURE = Measure(confidence=0.95, seed=1)


def paper(*rows: TextRow | PromptRow) -> Paper:
    sets = {"odd": ("no", "yes")} if any(row.task == "odd" for row in rows) else {}
    return Paper(as_questions(rows, task_column="task"), sets, ExamSettings(64, 0, 2))


def answers(losses: list[Loss], chosen: list[str | None] | None = None) -> Answers:
    nothing = (None,) * len(losses)
    return Answers(tuple(losses), tuple(chosen) if chosen else nothing, nothing, nothing)


def test_the_loss_that_rose_is_per_token_and_its_interval_is_paired() -> None:
    asked = paper(*(TextRow(str(n), f"text {n}", "general") for n in range(40)))
    # Rows differ a hundredfold; the rise is one tenth of a nat for every token of each.
    base = [Loss(float(n * 10), n) for n in range(1, 41)]
    tuned = [Loss(loss.nats + 0.1 * loss.tokens, loss.tokens) for loss in base]

    found = forgetting(asked, answers(tuned), answers(base), MEASURE)

    assert found["retention.rows"] == 40
    assert found["retention.base.loss"] == pytest.approx(10)
    assert found["retention.loss.general"] == pytest.approx(10.1)
    for end in ("", ".low", ".high"):
        assert found[f"forgetting.loss_delta{end}"] == pytest.approx(0.1)
    said = verdict_on(found)
    assert said.startswith("forgetting: the loss on 40 retention rows changed by +0.1000 nats")
    assert said.endswith(LEVERS)


def test_an_earlier_task_that_is_answered_worse_has_a_negative_accuracy_delta() -> None:
    asked = paper(*(PromptRow(str(n), f"Is {n} odd?", "yes", "odd") for n in range(10)))
    losses = [Loss(1.0, 1)] * 10
    right: list[str | None] = ["yes"] * 10

    found = forgetting(
        asked, answers(losses, ["yes"] * 6 + ["no"] * 4), answers(losses, right), MEASURE
    )

    assert found["retention.base.accuracy"] == 1
    assert found["forgetting.accuracy_delta.odd"] == pytest.approx(-0.4)
    assert found["forgetting.accuracy_delta.high"] < 0
    assert "none seen" in verdict_on(found)


@pytest.mark.train
def test_an_exam_with_retention_rows_measures_what_was_forgotten(
    tmp_path: Path, tokenizer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    job = _job(tmp_path, tokenizer)
    long = TextRow("t", "Deletes it. " * 200)
    write_rows(tmp_path / "processing/input/retention/train.jsonl", [long])

    examine(job)

    found = json.loads(
        (job.root / "processing/output/metrics/metrics.json").read_text(encoding="utf-8")
    )
    assert found["retention.loss"] != found["retention.base.loss"], "other weights"
    difference = found["retention.loss"] - found["retention.base.loss"]
    assert found["forgetting.loss_delta"] == pytest.approx(difference)
    log = capsys.readouterr().out
    assert "forgetting: " in log
    assert "progress step=" in log


@pytest.mark.train
def test_an_empty_retention_set_is_named(tmp_path: Path, tokenizer: Any) -> None:
    job = _job(tmp_path, tokenizer)
    (tmp_path / "processing/input/retention").mkdir(parents=True)

    with pytest.raises(JobFailure, match=r"retention: there are no rows"):
        examine(job)


def _job(root: Path, tokenizer: Any) -> Job:
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

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
    job = Job("evaluate", "exam", {"max_new_tokens": 2, "max_length": 64}, root, "Processing")
    inputs = root / "processing" / "input"
    for seed, name in enumerate(("model", "base_model")):
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(inputs / name)
        tokenizer.save_pretrained(inputs / name)
    rows = [PromptRow(str(n), f"Is {n} odd?", "yes" if n % 2 else "no", "odd") for n in range(6)]
    write_rows(inputs / "data" / "test.jsonl", rows)
    return job
