"""`fmo data mask`, as a process, on rows and on a spec."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

pytestmark = pytest.mark.train

SPEC = """\
name: tune
parameters:
  Rows: {type: S3Uri, default: s3://lake/rows/, local: ./tickets.jsonl}
  Length: {type: Integer, default: 9, local: 99}
steps:
  split:
    kind: dataset
    data: $params.Rows
    columns: {prompt: question, completion: answer}
    prompt_template: question-answer
    system_prompt: Be brief.
  sft:
    kind: train
    objective: sft
    model_name_or_path: ./tokenizer
    data: $split
    max_length: $params.Length
    truncate: true
  wide: {kind: train, objective: sft, model: hf://org/base, data: $split, max_length: 512}
  made: {kind: train, objective: sft, model: $sft, data: s3://lake/chats/}
"""


def test_the_document_has_every_token_with_its_mark(fmo: Fmo) -> None:
    done = fmo("data", "mask", "tickets.jsonl", "--model", "./tokenizer", "--rows", "9", "--json")
    assert done.code == 0, done.stderr
    found = done.document
    # The fifth row has no answer, and kind dataset drops it.
    assert [row["place"] for row in found["rows"]] == [f"tickets.jsonl:{n}" for n in range(1, 5)]
    tokens = found["rows"][2]["tokens"]
    said = "".join(token["text"] for token in tokens if token["trained"])
    assert said == "We sent it to jo@example.com.<|endoftext|>"
    asked = "".join(token["text"] for token in tokens if not token["trained"])
    assert asked == "Where is my invoice?\n"
    assert found["rows"][2]["serving"]["equal"] is True
    assert "tickets.jsonl:3:" in done.stderr


def test_a_step_is_masked_with_its_rows_model_and_settings(fmo: Fmo) -> None:
    (fmo.folder / "tune.yaml").write_text(SPEC)
    found = fmo("data", "mask", "tune.yaml", "--step", "sft", "--rows", "1", "--json").document
    assert (found["prompt_template"], found["max_length"]) == ("question-answer", 99)
    assert found["truncate"] is True
    text = "".join(token["text"] for token in found["rows"][0]["tokens"])
    assert text.startswith("Be brief.\n\nQuestion:\nHow do I reset my password?\n\nAnswer:\nOpen")


def test_what_is_typed_wins_over_the_step(fmo: Fmo) -> None:
    (fmo.folder / "tune.yaml").write_text(SPEC)
    done = fmo(
        "data", "mask", "tune.yaml", "--step", "wide", "--model", "./tokenizer", "--rows", "1",
        "--max-length", "12", "--prompt-template", "chat", "--no-completion-only-loss", "--json",
    )  # fmt: skip
    (row,) = done.document["rows"]
    assert done.document["max_length"] == 12
    assert row["tokens"][0]["text"] == "<|im_start|>"
    assert row["trained"] == len(row["tokens"]) - 1


def test_a_row_with_nothing_to_learn_is_exit_code_1(fmo: Fmo) -> None:
    row = {"prompt": "How do I reset my password? " * 9, "completion": "So."}
    (fmo.folder / "a.jsonl").write_text(json.dumps(row))
    arguments = ("data", "mask", "a.jsonl", "--model", "./tokenizer", "--truncate")
    assert fmo(*arguments, "--max-length", "8").code == 0
    done = fmo(*arguments, "--max-length", "1")
    assert done.code == 1
    assert "* a.jsonl:1: no token is trained." in done.stdout


def test_a_tokenizer_that_ends_prompts_is_exit_code_1(fmo: Fmo) -> None:
    path = fmo.folder / "tokenizer" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    piece = {"Sequence": {"id": "A", "type_id": 0}}
    end = {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing", "single": [piece, end], "pair": [piece, end],
        "special_tokens": {
            "<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}
        },
    }  # fmt: skip
    path.write_text(json.dumps(tokenizer))
    done = fmo("data", "mask", "tickets.jsonl", "--model", "./tokenizer", "--rows", "1")
    assert done.code == 1, done.stderr
    assert "serving: token 9 of the prompt is another one" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tickets.jsonl"], "tokens depend on the model, and none is named. Write --model FOLDER"),
        (["tune.yaml"], "--step: it is not said which step is meant. The steps of kind train with"),
        (["tune.yaml", "--step", "split"], "'split' is none of them. The steps of kind train with"),
        (["tune.yaml", "--step", "wide"], "there is no model 'org/base' on this disk, and nothing"),
        (
            ["tune.yaml", "--step", "made"],
            "steps.made: its tokenizer is not on this disk before the pipeline has run. Name one",
        ),
        (
            ["tune.yaml", "--step", "made", "--model", "./tokenizer"],
            "steps.made.data: it reads rows that s3://lake/chats/ has, not a file of this disk.",
        ),
        (
            ["tickets.jsonl", "--model", "Qwen/Qwen3-0.6B"],
            "`hf download Qwen/Qwen3-0.6B --local-dir ./Qwen3-0.6B`, then write --model",
        ),
        (["tickets.jsonl", "--model", "./words"], "no tokenizer in"),
        (
            ["tickets.jsonl", "--model", "./tokenizer", "--prompt-template", "alpca"],
            "there is no template 'alpca'. Use one of plain, alpaca",
        ),
        (["no.jsonl", "--model", "./tokenizer"], "no.jsonl: there is no such file or folder."),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(
    fmo: Fmo, arguments: list[str], said: str
) -> None:
    (fmo.folder / "tune.yaml").write_text(SPEC)
    done = fmo("data", "mask", *arguments)
    assert done.code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
