"""A first spec for somebody's own data: short, commented, and meant to be changed by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from orchestrator.errors import Problem, SpecError
from orchestrator.spec.writer import scalar_to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Objective = Literal["sft", "dpo", "pretrain", "continued-pretrain"]

CONVERSATIONS = frozenset({"messages", "sharegpt"})
FEW_ROWS = 60
"""Below, one of the default shares of 5 % and 10 % may get no row."""
_CHARACTERS_PER_TOKEN = 2
"""Few, so that rarely a row is longer than thought; English has 4 to 5."""
_TEXT_LENGTH = 1024
_LEAST, _MOST_TRAINED = 512, 4096
_WHAT = {
    "sft": "Fine-tunes a model on prompts and completions.",
    "dpo": "Tunes a model on which of two answers people prefer.",
    "pretrain": "Trains a new model from scratch.",
    "continued-pretrain": "Goes on training a model on your text.",
}
TUNED = frozenset({"sft", "dpo"})
"""Objectives whose result is examined beside the model it came from."""
_RATES = {
    "sft": "2e-4",
    "dpo": "1e-5  # far below that of sft; beta: 0.1 holds the model near where it was",
    "pretrain": "1e-3",
    "continued-pretrain": "2e-5",
}
_GATE = {"sft": "max: {perplexity: 20}", "dpo": "min: {preference_accuracy: 0.6}"}


@dataclass(frozen=True)
class Start:
    """What is known of the data, and what is wanted."""

    objective: Objective
    data: str
    """As the spec is to name it: relative to the spec, or absolute."""
    format: str
    rows: int
    """Rows that were looked at."""
    characters: int
    """Of the longest of them."""
    model: str | None = None
    """As the spec is to name it; for `pretrain`, whose tokenizer is taken."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our name to theirs, where they differ."""
    ties: int = 0
    """Rows seen whose chosen and rejected answers are the same."""


def starter_spec(start: Start, *, name: str, file: str) -> str:
    """Return the spec as YAML of at most 25 lines.

    Args:
        start: What is known and wanted.
        name: What the pipeline is called, as far as its letters are allowed.
        file: The name of the spec's file.

    Raises:
        SpecError: If the data do not fit the objective, or a model is needed and not named.
    """
    _fits(start)
    lines = [
        f"# {_WHAT[start.objective]} Next: fmo validate {file}, fmo run {file}",
        f"name: {_pipeline_name(name)}",
        "steps:",
        *_block("split", "cleans, drops repeated rows, and holds rows out", _split(start)),
        *_block("train", "", _train(start)),
    ]
    if start.objective in TUNED:
        what = f"on the rows held out; add gates: {{{_GATE[start.objective]}}}"
        lines += _block("exam", what, _exam(start))
    return "\n".join(lines) + "\n"


def _fits(start: Start) -> None:
    if (start.objective == "dpo") != (start.format == "preference"):
        raise SpecError(_answers_do_not_fit(start))
    if start.objective == "sft" and start.format == "text":
        fix = "Write: fmo init continued-pretrain, or give rows with prompts and completions."
        raise SpecError(Problem("--data", "sft needs prompts, and these rows are text", fix))
    if start.objective == "pretrain" and start.format in CONVERSATIONS:
        what = "a model trained from scratch has no chat template, and these are conversations"
        raise SpecError(Problem("--data", what, "Give rows of text."))
    if start.objective != "pretrain" and start.model is None:
        what = f"{start.objective} starts from a model and none is named"
        raise SpecError(Problem("--model", what, "Write --model OWNER/NAME, as on huggingface.co."))


def _answers_do_not_fit(start: Start) -> Problem:
    if start.objective == "dpo":
        what = f"dpo needs a chosen and a rejected answer, and these rows are of {start.format}"
        other = "continued-pretrain" if start.format == "text" else "sft"
        fix = f"Write: fmo init {other}, or give rows with prompt, chosen and rejected."
    else:
        what = f"{start.objective} learns one text a row, and these have a chosen and a rejected"
        fix = "Write: fmo init dpo."
    return Problem("--data", what, fix)


def _block(name: str, comment: str, keys: Iterator[str]) -> list[str]:
    return [f"  {name}:  # {comment}" if comment else f"  {name}:", *(f"    {key}" for key in keys)]


def _split(start: Start) -> Iterator[str]:
    yield "kind: dataset"
    yield f"data: {scalar_to_yaml(start.data)}"
    if start.columns:
        pairs = ", ".join(
            f"{ours}: {scalar_to_yaml(theirs)}" for ours, theirs in start.columns.items()
        )
        yield f"columns: {{{pairs}}}  # our name: yours"
    if start.objective in TUNED and start.format not in CONVERSATIONS:
        yield f"prompt_template: {_template(start)}  # chat: the model's own"
    if start.ties:
        yield "drop_ties: true  # rows whose two answers are the same"
    if start.objective not in TUNED:
        yield "split: {validation: 0.1, test: 0}  # their loss is eval/loss"
    elif start.rows < FEW_ROWS:
        yield "split: {validation: 0.15, test: 0.2}  # shares; the rows are few"


def _template(start: Start) -> str:
    if start.format == "alpaca":
        return "alpaca"
    asks = start.columns.get("prompt", "").lower() in {"question", "query"}
    return "question-answer" if asks else "plain"


def _train(start: Start) -> Iterator[str]:
    yield "kind: train"
    yield f"objective: {start.objective.replace('-', '_')}"
    if start.objective in TUNED:
        yield "method: lora  # full: every weight; needs more memory"
    if start.objective == "pretrain":
        yield (
            "architecture: {hidden_size: 256, num_hidden_layers: 6, num_attention_heads: 8}"
            "  # small"
        )
    if start.model is not None:
        comment = "  # its tokenizer" if start.objective == "pretrain" else ""
        yield f"model_name_or_path: {scalar_to_yaml(start.model)}{comment}"
    elif start.objective == "pretrain":
        yield "tokenizer: {vocab_size: 8192}  # a new one, trained on the data"
    yield "data: $split"
    yield f"max_length: {_max_length(start)}  # tokens per row"
    if start.objective in TUNED:
        yield "truncate: true  # cuts longer rows; false refuses them"
    yield f"learning_rate: {_RATES[start.objective]}"
    if start.objective != "dpo":
        yield "num_train_epochs: 3  # passes over the data"


def _exam(start: Start) -> Iterator[str]:
    yield "kind: evaluate"
    yield "model: $train"
    yield f"base_model: {scalar_to_yaml(start.model or '')}  # asked the same, for comparison"
    yield "data: $split.test"
    yield f"max_length: {_longest(start)}  # longer rows are refused here"


def _max_length(start: Start) -> int:
    if start.objective not in TUNED:
        return _TEXT_LENGTH  # Longer documents become several.
    return min(_longest(start), _MOST_TRAINED)


def _longest(start: Start) -> int:
    """A power of two that all rows seen should fit in, as tokens."""
    tokens = start.characters // _CHARACTERS_PER_TOKEN
    return max(_LEAST, int(2 ** math.ceil(math.log2(tokens + 1))))


def _pipeline_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:82].strip("-") or "pipeline"
