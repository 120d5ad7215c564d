"""Rows as they leave the dataset step, and the JSON Lines files that hold them.

One row is one line of one of four shapes, told apart by their keys:
`{"id", "prompt", "completion"}`, `{"id", "messages": [{"role", "content"}]}`, `{"id", "text"}`,
`{"id", "prompt", "chosen", "rejected"}`, whose values are texts, or all of them turns. Each may
carry `task` and a few columns more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_SHAPES = ({"prompt", "completion"}, {"messages"}, {"text"}, {"prompt", "chosen", "rejected"})
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class PromptRow:
    """A prompt, already worded by its template, and the completion to learn."""

    id: str
    prompt: str
    completion: str
    task: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str


@dataclass(frozen=True)
class MessagesRow:
    """A conversation; the model's own chat template is applied when it is tokenized."""

    id: str
    messages: tuple[Message, ...]
    task: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    prompt_turns: int = 0
    """Turns at the beginning of which none is learned; of a side of a preference."""


@dataclass(frozen=True)
class TextRow:
    """Plain text, for pre-training."""

    id: str
    text: str
    task: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PreferenceRow:
    """Two answers to one prompt, each as the whole row it makes with the prompt."""

    id: str
    chosen: PromptRow | MessagesRow
    rejected: PromptRow | MessagesRow
    """Of the type of `chosen`."""
    task: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


Row = PromptRow | MessagesRow | TextRow | PreferenceRow


def read_split(folder: Path, name: str) -> Iterator[Row]:
    """Yield the rows of one split of a dataset step's output.

    Args:
        folder: The folder of the channel.
        name: `train`, `validation` or `test`.

    Raises:
        JobFailure: If the file is missing, or a line is not a row.
    """
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        found = ", ".join(sorted(p.name for p in folder.glob("*"))) if folder.is_dir() else ""
        fail(
            f"{path}: the file is missing (found: {found or 'nothing'}). "
            "Pass the output of a step of kind dataset."
        )
    return read_rows(path)


def has_split(folder: Path, name: str) -> bool:
    """Return whether the folder holds rows of split `name`."""
    path = folder / f"{name}.jsonl"
    return path.is_file() and path.stat().st_size > 0


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSON Lines file, or of every `*.jsonl` of a folder in name order.

    Raises:
        JobFailure: If there is no such file, or a line is not a row.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        fail(f"{path}: there are no rows (no *.jsonl). Pass the output of a step of kind dataset.")
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield _parse_line(line, f"{file}:{number}")


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as JSON Lines, whole or not at all; return how many."""
    count = 0
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(row_to_line(row))
            count += 1
    partial.replace(path)
    return count


def row_to_line(row: Row) -> str:
    """Return the row as one line of JSON, with its end of line."""
    value: dict[str, Any] = {"id": row.id}
    match row:
        case PromptRow():
            value |= {"prompt": row.prompt, "completion": row.completion}
        case MessagesRow():
            value["messages"] = _turns(row.messages)
        case TextRow():
            value["text"] = row.text
        case PreferenceRow():
            value["prompt"], value["chosen"] = _halves(row.chosen)
            value["rejected"] = _halves(row.rejected)[1]
    if row.task is not None:
        value["task"] = row.task
    extra = {name: item for name, item in row.extra.items() if name not in value}
    return json.dumps(value | extra, ensure_ascii=False) + "\n"


def row_text(row: Row) -> str:
    """Return everything a model would read of the row: what length and similarity are taken of."""
    match row:
        case PromptRow():
            return f"{row.prompt}\n{row.completion}"
        case MessagesRow():
            return "\n".join(message.content for message in row.messages)
        case TextRow():
            return row.text
        case PreferenceRow():
            return f"{row_text(row.chosen)}\n{answer_text(row.rejected)}"


def answer_text(row: PromptRow | MessagesRow) -> str:
    """Return what follows the prompt."""
    if isinstance(row, PromptRow):
        return row.completion
    return "\n".join(message.content for message in row.messages[row.prompt_turns :])


def _halves(row: PromptRow | MessagesRow) -> tuple[Any, Any]:
    """Prompt and answer, as JSON."""
    if isinstance(row, PromptRow):
        return row.prompt, row.completion
    return _turns(row.messages[: row.prompt_turns]), _turns(row.messages[row.prompt_turns :])


def _turns(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _parse_line(line: bytes, place: str) -> Row:
    try:
        value = json.loads(line)
    except ValueError as error:
        fail(f"{place}: not a JSON object ({error}). Pass the output of a step of kind dataset.")
    if not isinstance(value, dict) or not any(shape <= value.keys() for shape in _SHAPES):
        fail(
            f"{place}: neither prompt and completion, nor messages, nor text, nor prompt, chosen "
            "and rejected. "
            "Pass the output of a step of kind dataset."
        )
    return _row(value, place)


def _row(value: dict[str, Any], place: str) -> Row:
    row_id, task = str(value.pop("id", place)), value.pop("task", None)
    if {"prompt", "chosen", "rejected"} <= value.keys():
        prompt, *answers = (value.pop(name) for name in ("prompt", "chosen", "rejected"))
        chosen, rejected = (_side(row_id, prompt, answer, task) for answer in answers)
        return PreferenceRow(row_id, chosen, rejected, task, value)
    if "prompt" in value and "completion" in value:
        prompt, completion = value.pop("prompt"), value.pop("completion")
        return PromptRow(row_id, prompt, completion, task, value)
    if "messages" in value:
        return MessagesRow(row_id, _messages(value.pop("messages")), task, value)
    return TextRow(row_id, value.pop("text"), task, value)


def _side(row_id: str, prompt: Any, answer: Any, task: str | None) -> PromptRow | MessagesRow:
    if isinstance(prompt, str):
        return PromptRow(row_id, prompt, answer, task)
    return MessagesRow(row_id, _messages([*prompt, *answer]), task, prompt_turns=len(prompt))


def _messages(turns: Iterable[Mapping[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(turn["role"], turn["content"]) for turn in turns)
