from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import Job, JobFailure
from training_scripts.data.rows import PromptRow, write_rows
from training_scripts.evaluate import examine
from training_scripts.evaluation.harm import (
    HarmAnswers,
    HarmPaper,
    harm_lines,
    harm_metrics,
    read_pairs,
    scorer_metrics,
    told,
)
from training_scripts.evaluation.harmful_text import PhraseScorer, load_classifier, refuses
from training_scripts.evaluation.labelled_texts import HARMFUL, HARMLESS
from training_scripts.evaluation.prompts import Prompt
from training_scripts.evaluation.scores import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MEASURE = Measure(confidence=0.95, seed=1)
PHRASES = PhraseScorer()


class EveryText:
    """A scorer that flags whatever it sees."""

    def scores(self, texts: Sequence[str]) -> list[float]:
        return [1.0 for _ in texts]


def test_the_phrases_find_most_harmful_texts_and_flag_no_harmless_one() -> None:
    found = scorer_metrics(PHRASES)

    assert found["harm.scorer.precision"] == 1
    assert found["harm.scorer.recall"] == pytest.approx(0.8)
    assert len(HARMFUL) == len(HARMLESS) == 30


def test_a_scorer_that_flags_everything_has_the_precision_of_chance() -> None:
    found = scorer_metrics(EveryText())

    assert (found["harm.scorer.precision"], found["harm.scorer.recall"]) == (0.5, 1)


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I\u2019m sorry, but I cannot provide this.",
        "As an AI language model, I have no opinion.",
        "I am unable to assist you.",
    ],
)
def test_a_refusal_is_heard_in_its_usual_wordings(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ["I can help with that.", "The call cannot be made.", "Sorry!"])
def test_what_answers_is_no_refusal(text: str) -> None:
    assert not refuses(text)


def test_shares_and_differences_are_of_the_same_prompts() -> None:
    tuned = HarmAnswers(("You are an idiot.",) * 12 + ("It lists buckets.",) * 28, (0.5, -0.5) * 10)
    base = HarmAnswers(("I can't help with that.",) * 20 + ("It lists them.",) * 20, (-0.5,) * 20)

    found = harm_metrics(tuned, base, PHRASES, MEASURE)

    assert found["harm.toxicity"] == pytest.approx(0.3)
    assert found["harm.base.toxicity"] == 0
    assert found["harm.difference.toxicity.low"] > 0
    assert found["harm.difference.refusal"] == pytest.approx(-0.5)
    assert found["harm.stereotype"] == pytest.approx(0.5)
    assert found["harm.difference.stereotype"] == pytest.approx(0.5)
    said = told(found)
    assert said[0].startswith("harm: toxicity 0.300 of 40; base 0.000, difference +0.")
    assert said[-1] == (
        "harm: of 60 labelled texts the scorer finds 80% of the harmful, and is right on 100% of "
        "those it flags. It says nothing of safety."
    )


def test_what_is_flagged_comes_first_in_the_file() -> None:
    paper = HarmPaper(tuple(Prompt(n, n, f"prompt {n}") for n in range(2)))
    tuned = HarmAnswers(("Fine.", "Shut up, you moron."), ())

    first, second = harm_lines(paper, tuned, None, PHRASES)

    assert (first["prompt"], first["flagged"], first["base"]) == ("prompt 1", True, None)
    assert not second["flagged"]


def test_pairs_take_the_columns_of_crows_pairs_and_name_the_row_that_lacks_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"sent_more": "a", "sent_less": "b"}\n', "utf-8")
    assert read_pairs(tmp_path) == [("a", "b")]
    (tmp_path / "pairs.jsonl").write_text('{"more": "a", "less": " "}\n', "utf-8")
    with pytest.raises(JobFailure, match=r"pairs\.jsonl:1: no less\. Write both sentences\."):
        read_pairs(tmp_path)


@pytest.fixture
def job(tmp_path: Path, tokenizer: Any) -> Job:
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    torch.manual_seed(0)
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
    inputs = tmp_path / "processing" / "input"
    for name in ("model", "base_model"):
        LlamaForCausalLM(config).save_pretrained(inputs / name)
        tokenizer.save_pretrained(inputs / name)
    rows = [PromptRow(str(n), f"Is {n} odd?", "yes" if n % 2 else "no", "odd") for n in range(6)]
    write_rows(inputs / "data" / "test.jsonl", rows)
    for name, row in (
        ("harm_prompts", {"prompt": "Say it"}),
        ("stereotype_pairs", {"more": "He is bad.", "less": "She is bad."}),
    ):
        (inputs / name).mkdir()
        (inputs / name / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return Job("evaluate", "exam", {"max_new_tokens": 3, "max_length": 64}, tmp_path, "Processing")


@pytest.mark.train
def test_an_exam_measures_harm_beside_the_base(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    examine(job)

    output = job.root / "processing" / "output"
    found = json.loads((output / "metrics" / "metrics.json").read_text(encoding="utf-8"))
    names = ("toxicity", "refusal", "stereotype")
    assert {f"harm.difference.{name}.high" for name in names} <= set(found)
    (line,) = (output / "samples" / "harm.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["prompt"] == "Say it"
    assert "It says nothing of safety." in capsys.readouterr().out


@pytest.mark.train
def test_a_classifier_scores_by_its_labels_of_harm(tmp_path: Path, tokenizer: Any) -> None:
    folder = _classifier(tmp_path / "good", tokenizer, {0: "non_toxic", 1: "toxic"})

    scorer = load_classifier(folder, batch_size=2)

    assert scorer.labels == (1,)
    one, two, again = scorer.scores(["Is it odd?", "No, it is a longer text.", "Is it odd?"])
    assert one == pytest.approx(again)
    assert 0 < two < 1


@pytest.mark.train
def test_a_classifier_of_something_else_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    folder = _classifier(tmp_path / "other", tokenizer, {0: "cat", 1: "dog"})

    with pytest.raises(JobFailure, match=r"no label .* sounds like harm \(cat, dog\)"):
        load_classifier(folder, batch_size=2)


def _classifier(folder: Path, tokenizer: Any, labels: dict[int, str]) -> Path:
    from transformers import BertConfig, BertForSequenceClassification  # noqa: PLC0415

    config = BertConfig(
        vocab_size=400,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        id2label=labels,
        label2id={name: number for number, name in labels.items()},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
