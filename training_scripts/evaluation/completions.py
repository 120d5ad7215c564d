"""Completions as rows of JSON Lines, and what is counted of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training_scripts.evaluation.prompts import asked_as_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training_scripts.checkpoints.batches import BatchLog
    from training_scripts.evaluation.generation import Completion
    from training_scripts.evaluation.prompts import Prompt


def row_line(prompt: Prompt, completions: Sequence[Completion]) -> str:
    """Return the row as one line of JSON, without its end of line; other columns come along."""
    row: dict[str, Any] = {
        "id": prompt.id,
        "prompt": asked_as_json(prompt),
        "completions": [completion.text for completion in completions],
        "finish_reasons": [completion.finish_reason for completion in completions],
    }
    if prompt.reference is not None:
        row["reference"] = prompt.reference
    return _line(row | {name: item for name, item in prompt.others.items() if name not in row})


def counts_of(completions: Iterable[Completion], seconds: float) -> dict[str, float]:
    """Return what a batch adds to the metrics."""
    found = list(completions)
    return {
        "completions": len(found),
        "tokens": sum(len(completion.tokens) for completion in found),
        "clipped": sum(completion.finish_reason == "length" for completion in found),
        "empty": sum(not completion.text.strip() for completion in found),
        "seconds": seconds,
    }


def metrics_of(log: BatchLog) -> dict[str, float]:
    """Return the metrics of all finished batches; names as in TRL, lengths in tokens."""
    completions = log.total("completions")
    tokens = log.total("tokens")
    return {
        "rows": sum(len(batch.places) for batch in log.batches.values()),
        "completions": completions,
        "tokens": tokens,
        "tokens_per_second": round(tokens / max(log.total("seconds"), 1e-9), 1),
        "mean_length": round(tokens / completions, 2),
        "clipped_ratio": round(log.total("clipped") / completions, 6),
        "empty_ratio": round(log.total("empty") / completions, 6),
    }


def sample_line(row: Mapping[str, Any]) -> str:
    """Return a row as the report shows it."""
    asked = row["prompt"]
    prompt = asked if isinstance(asked, str) else "\n".join(turn["content"] for turn in asked)
    sample = {"task": row.get("task"), "prompt": prompt, "expected": row.get("reference")}
    return _line({**sample, "tuned": row["completions"][0]})


def _line(value: Mapping[str, Any]) -> str:
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        # Half of an emoji's pair, which only an escape can hold.
        return json.dumps(value)
    return line
