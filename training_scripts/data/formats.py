"""Records into samples: which of five formats the rows are in, and what they say in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training_scripts.container import fail
from training_scripts.data.problems import did_you_mean, shown
from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from training_scripts.data.problems import Problems
    from training_scripts.data.readers import Record

Format = Literal["text", "prompt-completion", "alpaca", "messages", "sharegpt"]

COLUMNS: dict[Format, tuple[str, ...]] = {
    "messages": ("messages",),
    "sharegpt": ("conversations",),
    "prompt-completion": ("prompt", "completion"),
    "alpaca": ("instruction", "output"),
    "text": ("text",),
}
"""The columns each format needs, in the order in which `auto` tries them."""

_OPTIONAL = ("input", "system", "task", "id")
_SYNONYMS = {
    "prompt": ("question", "query", "input", "source", "request"),
    "completion": ("answer", "response", "output", "target", "label", "chosen"),
    "text": ("content", "document", "body", "passage"),
}
_ROLES = ("system", "user", "assistant", "tool")
_SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
}
_EXTRA_CHARACTERS = 1_000


@dataclass(frozen=True)
class Sample:
    """What one row says, before any template words it. One of three: text, turns, exchange."""

    id: str
    text: str = ""
    messages: tuple[Message, ...] = ()
    instruction: str = ""
    input: str = ""
    """What the instruction is about, where it stands apart (alpaca's `input`)."""
    output: str = ""
    system: str = ""
    task: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Other columns of the row: numbers and short texts."""
    group: str | None = None
    """The value of the split's `group_by` column."""

    def content(self) -> str:
        """Return all of its text: what length, equality and similarity are taken of."""
        if self.messages:
            return "\n".join(message.content for message in self.messages)
        return self.text or "\n".join(filter(None, [self.instruction, self.input, self.output]))

    def to_json(self) -> str:
        """Return it as one line of JSON, without its end of line."""
        # Not `asdict`, which copies what it is given, ten times slower.
        messages = [vars(message) for message in self.messages]
        return json.dumps({**vars(self), "messages": messages}, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Sample:
        """Return what `to_json` wrote."""
        value = json.loads(line)
        value["messages"] = tuple(Message(**message) for message in value["messages"])
        return cls(**value)


def detect_format(value: Mapping[str, Any], place: str) -> Format:
    """Return the format whose columns the row has.

    Raises:
        JobFailure: If it has those of none, with the columns found and a guess at what to write.
    """
    fits = [name for name, needed in COLUMNS.items() if all(c in value for c in needed)]
    if not fits:
        known = "; ".join(f"{name}: {', '.join(needed)}" for name, needed in COLUMNS.items())
        fail(
            f"{place}: the columns {', '.join(value) or '(none)'} are of no format known "
            f"({known}).{_mapping_hint(value)}"
        )
    return fits[0]


def guess_columns(names: Iterable[str]) -> dict[str, str]:
    """Return our name to theirs, by words that are often used; empty if none are found."""
    lower = {name.lower(): name for name in names}
    pairs = {
        ours: next(lower[word] for word in (ours, *words) if word in lower)
        for ours, words in _SYNONYMS.items()
        if any(word in lower for word in (ours, *words))
    }
    if {"prompt", "completion"} <= pairs.keys():
        return {ours: pairs[ours] for ours in ("prompt", "completion")}
    return {"text": pairs["text"]} if "text" in pairs else {}


def samples(
    records: Iterable[Record],
    problems: Problems,
    *,
    data_format: Format | Literal["auto"] = "auto",
    columns: Mapping[str, str] | None = None,
    group_by: str | None = None,
) -> Iterator[Sample]:
    """Yield what the records say; rows that do not fit the format go to `problems`.

    Args:
        records: As read from files.
        problems: Gathers the rows that cannot be used.
        data_format: `auto` decides by the first row and prints what it found.
        columns: Our name to theirs.
        group_by: A column, by their name, whose value goes into `Sample.group`.
    """
    found: Format | None = None if data_format == "auto" else data_format
    for record in records:
        try:
            value = _renamed(record, columns or {})
            if found is None:
                found = detect_format(value, record.place)
                print(f"format: {found} (columns of {record.place}: {', '.join(value)})")
            yield _sample(value, found, _group(record.value, group_by))
        except _WrongRowError as error:
            problems.add(record.place, str(error))


class _WrongRowError(Exception):
    """The row cannot be used; the text says why and what to write instead."""


def _renamed(record: Record, columns: Mapping[str, str]) -> dict[str, Any]:
    value = dict(record.value)
    for ours, theirs in columns.items():
        if theirs not in record.value:
            msg = (
                f"there is no column {theirs!r}, which columns.{ours} names "
                f"(found: {', '.join(record.value)}).{did_you_mean(theirs, record.value)}"
            )
            raise _WrongRowError(msg)
        value.pop(theirs, None)
    # Their column under our name hides one of theirs that happens to be called the same.
    return value | {ours: record.value[theirs] for ours, theirs in columns.items()}


def _group(value: Mapping[str, Any], group_by: str | None) -> str | None:
    if group_by is None:
        return None
    if value.get(group_by) is None:
        msg = (
            f"there is no {group_by!r}, which split.group_by names.{did_you_mean(group_by, value)}"
        )
        raise _WrongRowError(msg)
    return str(value[group_by])


def _sample(value: dict[str, Any], found: Format, group: str | None) -> Sample:
    _needs(value, found)
    used = {*COLUMNS[found], "task", "id", "system"}
    content: dict[str, Any]
    match found:
        case "text":
            content = {"text": _text(value, "text")}
        case "prompt-completion":
            content = {
                "instruction": _text(value, "prompt"),
                "output": _text(value, "completion"),
            }
        case "alpaca":
            used.add("input")
            content = {name: _text(value, name) for name in ("instruction", "output")}
            content["input"] = _text(value, "input") if value.get("input") is not None else ""
        case "messages":
            content = {"messages": _turns(value, "messages", "role", "content")}
        case "sharegpt":
            content = {"messages": _turns(value, "conversations", "from", "value")}
    if value.get("system") is not None:
        content["system"] = _text(value, "system")
    extra = {k: v for k, v in value.items() if k not in used and _is_small(v)}
    task = None if value.get("task") is None else str(value["task"])
    return Sample(id=_row_id(value, content), task=task, extra=extra, group=group, **content)


def _needs(value: Mapping[str, Any], found: Format) -> None:
    missing = [name for name in COLUMNS[found] if name not in value]
    if not missing:
        return
    others = [name for name, columns in COLUMNS.items() if all(c in value for c in columns)]
    mixed = f" The row looks like {others[0]}: keep one format." if others else ""
    msg = (
        f"no column {missing[0]!r}, which format {found} needs (found: {', '.join(value)})."
        f"{mixed or _mapping_hint(value)}"
    )
    raise _WrongRowError(msg)


def _mapping_hint(value: Mapping[str, Any]) -> str:
    pairs = guess_columns(value)
    if not pairs:
        known = {column for columns in COLUMNS.values() for column in columns}
        close = [did_you_mean(name, known) for name in value]
        return next(
            filter(None, close), " Name yours with `columns: {prompt: ..., completion: ...}`."
        )
    return f" Write `columns: {{{', '.join(f'{ours}: {name}' for ours, name in pairs.items())}}}`."


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value[name]
    if isinstance(found, str):
        return found
    # A label may be a number, as in {"completion": 1}.
    if isinstance(found, int | float):
        return str(found)
    msg = f"{name!r} must be text, found {shown(found)}."
    raise _WrongRowError(msg)


def _turns(value: Mapping[str, Any], column: str, role: str, said: str) -> tuple[Message, ...]:
    turns = value[column]
    if not isinstance(turns, list) or not turns:
        msg = f"{column!r} must be a list of turns, found {shown(turns)}."
        raise _WrongRowError(msg)
    messages = tuple(_turn(turn, number, role, said) for number, turn in enumerate(turns))
    if not any(message.role == "assistant" for message in messages):
        msg = f"{column!r} has no turn of the assistant, so there is nothing to learn."
        raise _WrongRowError(msg)
    return messages


def _turn(turn: object, number: int, role: str, said: str) -> Message:
    if not isinstance(turn, dict) or role not in turn or said not in turn:
        msg = f"turn {number + 1} must have {role!r} and {said!r}, found {shown(turn)}."
        raise _WrongRowError(msg)
    known = _SHAREGPT_ROLES if role == "from" else {name: name for name in _ROLES}
    if turn[role] not in known:
        msg = (
            f"turn {number + 1} has {role!r} {turn[role]!r}; known are {', '.join(known)}."
            f"{did_you_mean(str(turn[role]), known)}"
        )
        raise _WrongRowError(msg)
    if not isinstance(turn[said], str):
        msg = f"turn {number + 1}: {said!r} must be text, found {shown(turn[said])}."
        raise _WrongRowError(msg)
    return Message(known[turn[role]], turn[said])


def _is_small(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _EXTRA_CHARACTERS
    return isinstance(value, int | float)


def _row_id(value: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    if isinstance(value.get("id"), str | int):
        return str(value["id"])
    text = json.dumps(
        {k: [vars(m) for m in v] if isinstance(v, tuple) else v for k, v in content.items()},
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
