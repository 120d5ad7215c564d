"""Completions by a model of the same pipeline, read by the step behind them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

SPEC = """\
name: distil
parameters:
  Temperature: {type: Float, default: 1.5}
steps:
  texts: {kind: dataset, data: ./texts, format: text, split: {validation: 0, test: 0}}
  teacher:
    kind: train
    objective: pretrain
    data: $texts
    architecture:
      hidden_size: 32
      intermediate_size: 64
      num_hidden_layers: 1
      num_attention_heads: 2
      max_position_embeddings: 64
    tokenizer: {vocab_size: 300}
    max_length: 64
    max_steps: 2
  write:
    kind: generate
    model: $teacher
    data: ./prompts.jsonl
    temperature: $params.Temperature
    num_return_sequences: 2
    max_new_tokens: 12
    gates: {max: {empty_ratio: 0.5}}
  rows:
    kind: dataset
    data: $write
    columns: {completion: completions}
    deduplicate: none
    split: {validation: 0, test: 0}
"""


@pytest.mark.train
@pytest.mark.slow
def test_completions_pass_their_gate_and_become_rows_to_train_on(fmo: Fmo) -> None:
    (fmo.folder / "texts").mkdir()
    texts = "".join(json.dumps({"text": f"Row {n}: a {n * 7919} bucket."}) + "\n" for n in range(9))
    (fmo.folder / "texts" / "rows.jsonl").write_text(texts)
    prompts = "".join(json.dumps({"prompt": f"Row {n}:", "task": "say"}) + "\n" for n in range(4))
    (fmo.folder / "prompts.jsonl").write_text(prompts)
    (fmo.folder / "distil.yaml").write_text(SPEC)

    ended = fmo("run", "distil.yaml", "--json")

    assert ended.code == 0, ended.stderr
    steps = {step["name"]: step for step in ended.document["steps"]}
    assert steps["write"]["metrics"]["completions"] == 8
    assert steps["rows"]["metrics"]["rows_read"] == 8
    assert len(steps["write"]["samples"]) == 4
    uri = steps["write"]["outputs"]["model"].removeprefix("s3://").rstrip("/")
    file = fmo.folder / ".fmo" / "s3" / uri / "data" / "completions.jsonl"
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["prompt"], row["task"]) for row in written] == [
        (f"Row {n}:", "say") for n in range(4)
    ]
    execution = ended.document["execution_id"]
    masked = fmo("data", "mask", "texts", "--model", f"{execution}/teacher", "--rows", "1")
    assert masked.code == 0, masked.stderr
    assert "end token <|endoftext|>: trained" in masked.stdout
    said = fmo("chat", f"{execution}/write").stderr
    assert "step 'write' has made no model. These have: teacher." in said
