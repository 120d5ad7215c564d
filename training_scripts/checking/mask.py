"""Which tokens of a row the loss is taken on, and whether serving begins with the same ones."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.container import JobFailure
from training_scripts.data.rows import MessagesRow, PromptRow
from training_scripts.data.tokenize import tokenize_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training_scripts.data.rows import Row

_SHOWN = 6
"""Tokens shown of either side from where they differ."""


@dataclass(frozen=True)
class Masking:
    """The settings of a training that decide which tokens are learned."""

    max_length: int
    truncate: bool
    completion_only_loss: bool


def masked_row(row: Row, tokenizer: Any, masking: Masking) -> dict[str, Any]:
    """Return every token of the row with its mark, and how serving would begin.

    A row that training refuses has no tokens and says why under `error`.
    """
    only_completions = masking.completion_only_loss
    try:
        whole = tokenize_rows(
            [row], tokenizer, max_length=sys.maxsize, completion_only_loss=only_completions
        )
        kept = whole
        if masking.truncate:
            kept = tokenize_rows(
                [row],
                tokenizer,
                max_length=masking.max_length,
                completion_only_loss=only_completions,
                too_long="truncate",
            )
        ids: list[int] = kept.input_ids.tolist()
        trained = (kept.labels() != -100).tolist()
        all_ids: list[int] = whole.input_ids.tolist()
        serving = compared(all_ids, served_ids(row, tokenizer), tokenizer)
    except JobFailure as failure:
        return {"error": str(failure), "tokens": [], "trained": 0, "length": 0}
    return {
        "error": None,
        "tokens": tokens_to_json(ids, trained, tokenizer),
        "trained": sum(trained),
        "length": len(all_ids),
        "end_token": end_token(ids, trained, tokenizer),
        "serving": serving,
    }


def served_ids(row: Row, tokenizer: Any) -> list[int] | None:
    """Return the tokens that a server makes of the row's prompt; None if it asks nothing.

    On purpose not by the code of training: as the tokenizer itself words and encodes a prompt,
    which is what servers do.
    """
    match row:
        case PromptRow():
            return [int(token) for token in tokenizer(row.prompt)["input_ids"]]
        case MessagesRow():
            last = max(n for n, turn in enumerate(row.messages) if turn.role == "assistant")
            turns = [{"role": t.role, "content": t.content} for t in row.messages[:last]]
            encoded = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_dict=True
            )
            return [int(token) for token in encoded["input_ids"]]
    return None


def compared(
    training: Sequence[int], serving: Sequence[int] | None, tokenizer: Any
) -> dict[str, Any] | None:
    """Return whether training begins with the tokens of serving, or the first that differ."""
    if serving is None:
        return None
    pairs = zip(training, serving, strict=False)
    same = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    at = min(len(training), len(serving)) if same is None else same
    if at == len(serving):
        return {"tokens": len(serving), "equal": True}
    sides = {"training": training, "serving": serving}
    shown = {
        name: tokens_to_json(ids[at : at + _SHOWN], None, tokenizer) for name, ids in sides.items()
    }
    return {"tokens": len(serving), "equal": False, "differs_at": at, **shown}


def end_token(ids: Sequence[int], trained: Sequence[bool], tokenizer: Any) -> dict[str, Any]:
    """Return the end-of-text token, and whether the row's last one is trained or is missing."""
    end = tokenizer.eos_token_id
    places = [at for at, token in enumerate(ids) if token == end]
    state = "missing"
    if places:
        state = "trained" if trained[places[-1]] else "masked"
    return {"id": end, "text": str(tokenizer.eos_token), "state": state}


def tokens_to_json(
    ids: Sequence[int], trained: Sequence[bool] | None, tokenizer: Any
) -> list[dict[str, Any]]:
    """Return id and text of each token, and where known whether the loss is taken on it."""
    texts = token_texts(ids, tokenizer)
    if trained is None:
        return [{"id": token, "text": text} for token, text in zip(ids, texts, strict=True)]
    return [
        {"id": token, "text": text, "trained": mark}
        for token, text, mark in zip(ids, texts, trained, strict=True)
    ]


def token_texts(ids: Sequence[int], tokenizer: Any) -> list[str]:
    """Return what each token adds to the text; the last one of a character has all of it."""
    texts: list[str] = []
    start = read = 0
    for end in range(1, len(ids) + 1):
        before = _decoded(ids[start:read], tokenizer)
        now = _decoded(ids[start:end], tokenizer)
        if now.endswith("\ufffd") and end < len(ids):
            texts.append("")  # The character's other bytes are still to come.
            continue
        texts.append(now[len(before) :])
        start, read = read, end
    return texts


def _decoded(ids: Sequence[int], tokenizer: Any) -> str:
    return str(
        tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    )
