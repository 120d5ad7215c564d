"""Prompts out of rows of any shape, and as the token ids that a model answers to."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.data.chat import render_chat
from training_scripts.data.files import find_files
from training_scripts.data.problems import Problems
from training_scripts.data.readers import read_records
from training_scripts.data.rows import Message, PromptRow
from training_scripts.data.tokenize import TextEncoder, tokenize_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SHAPES = ("prompt", "messages", "text")
_ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Prompt:
    """What a row asks."""

    number: int
    """Of the row, from 0 over all files."""
    id: str | int
    """The row's own, or else its number."""
    asked: str | tuple[Message, ...]
    """Text to go on with, or the turns to answer."""
    reference: str | None = None
    """The completion, or last reply, that the row has."""
    others: dict[str, Any] = field(default_factory=dict)
    """Every other column."""


def read_prompts(
    folder: Path, *, max_rows: int | None = None, split: str | None = None
) -> list[Prompt]:
    """Return the prompts of all rows of a channel, in order.

    Args:
        folder: Holds files that kind `dataset` reads, with columns of these names.
        max_rows: Keep at most so many, chosen by content.
        split: Of the output of kind `dataset`, the one file to read: `train`.

    Raises:
        JobFailure: If there are none, or with the rows that ask nothing.
    """
    problems = Problems()
    prompts = list(_prompts(folder, split, problems))
    problems.fail_if_any()
    if not prompts:
        fail(f"data: there are no rows in {folder.name}. Give rows with a prompt.")
    if max_rows is None or len(prompts) <= max_rows:
        return prompts
    kept = {prompt.number for prompt in sorted(prompts, key=_content_key)[:max_rows]}
    return [prompt for prompt in prompts if prompt.number in kept]


def prompt_tokens(prompts: Sequence[Prompt], tokenizer: Any) -> list[list[int]]:
    """Return the token ids of each prompt, as training on its row would begin.

    Raises:
        JobFailure: If one is empty, or the model's chat template cannot word one.
    """
    texts = [prompt for prompt in prompts if isinstance(prompt.asked, str)]
    encoded = iter(_text_tokens([str(prompt.asked) for prompt in texts], tokenizer))
    encoder = TextEncoder(tokenizer)
    found = []
    for prompt in prompts:
        if isinstance(prompt.asked, str):
            ids = next(encoded)
        else:
            ids = encoder.encode([_worded(prompt, prompt.asked, tokenizer)])[0]
        if not ids:
            fail(f"data: row {prompt.id!r} has an empty prompt. Ask something in it.")
        found.append(ids)
    return found


def asked_as_json(prompt: Prompt) -> str | list[dict[str, str]]:
    """Return the prompt as rows hold it: text, or turns."""
    if isinstance(prompt.asked, str):
        return prompt.asked
    return [{"role": turn.role, "content": turn.content} for turn in prompt.asked]


class _WrongRowError(Exception):
    """The row asks nothing; the text says why and what to write instead."""


def _prompts(folder: Path, split: str | None, problems: Problems) -> Iterator[Prompt]:
    files = [file for file in find_files(folder) if split in (None, file.path.stem)]
    for number, record in enumerate(read_records(files, problems)):
        try:
            yield _prompt(number, record.value)
        except _WrongRowError as error:
            problems.add(record.place, str(error))


def _prompt(number: int, value: dict[str, Any]) -> Prompt:
    shape = next((name for name in _SHAPES if name in value), None)
    if shape is None:
        msg = (
            f"no column prompt, messages or text (found: {', '.join(value)}). "
            "Rename the column that asks, or pass the output of a step of kind dataset."
        )
        raise _WrongRowError(msg)
    found = value.get("id")
    row_id = found if isinstance(found, str | int) and not isinstance(found, bool) else number
    others = {name: item for name, item in value.items() if name not in (shape, "id")}
    asked, reference = _asked(value[shape], shape)
    if shape == "prompt" and isinstance(others.get("completion"), str):
        reference = others.pop("completion")
    return Prompt(number, row_id, asked, reference, others)


def _asked(found: object, shape: str) -> tuple[str | tuple[Message, ...], str | None]:
    """The prompt, and the reply at the end of `messages`."""
    if isinstance(found, str):
        return found, None
    if not isinstance(found, list) or not found or shape == "text":
        msg = f"{shape!r} must be text or a list of turns, found {type(found).__name__}."
        raise _WrongRowError(msg)
    turns = tuple(_turn(turn, number) for number, turn in enumerate(found, start=1))
    if shape == "messages" and turns[-1].role == "assistant":
        if len(turns) == 1:
            msg = "the assistant's turn is the only one. Put the user's before it."
            raise _WrongRowError(msg)
        return turns[:-1], turns[-1].content
    return turns, None


def _turn(turn: object, number: int) -> Message:
    if isinstance(turn, dict):
        role, content = turn.get("role"), turn.get("content")
        if role in _ROLES and isinstance(content, str):
            return Message(str(role), content)
    msg = f"turn {number} must have a role ({', '.join(_ROLES)}) and text as content."
    raise _WrongRowError(msg)


def _text_tokens(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    if not texts:
        return []
    rows = [PromptRow(str(number), text, "") for number, text in enumerate(texts)]
    tokens = tokenize_rows(rows, tokenizer, max_length=sys.maxsize)
    bounds = zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    return [
        tokens.input_ids[start:end][~tokens.in_loss[start:end]].tolist() for start, end in bounds
    ]


def _worded(prompt: Prompt, turns: Sequence[Message], tokenizer: Any) -> str:
    return render_chat(turns, tokenizer, row_id=str(prompt.id), add_generation_prompt=True)


def _content_key(prompt: Prompt) -> str:
    content = json.dumps([asked_as_json(prompt), prompt.reference, prompt.id])
    return hashlib.sha256(content.encode()).hexdigest()
