"""Rows from one format into another, where nothing is lost by it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Literal

from training_scripts.container import fail
from training_scripts.data.formats import samples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training_scripts.checking.reading import Data
    from training_scripts.data.formats import Format, Sample
    from training_scripts.data.problems import Problems
    from training_scripts.data.readers import Record

Target = Literal["messages", "prompt-completion", "text", "preference"]

NEAREST: dict[Format, Target] = {
    "messages": "messages",
    "sharegpt": "messages",
    "prompt-completion": "prompt-completion",
    "alpaca": "prompt-completion",
    "text": "text",
    "preference": "preference",
}
_USED: dict[Format, frozenset[str]] = {
    "messages": frozenset({"messages", "system"}),
    "sharegpt": frozenset({"conversations", "system"}),
    "prompt-completion": frozenset({"prompt", "completion", "system"}),
    "alpaca": frozenset({"instruction", "input", "output", "system"}),
    "text": frozenset({"text"}),
    "preference": frozenset({"prompt", "chosen", "rejected", "system"}),
}
_TURNS: dict[Format, tuple[str, ...]] = {
    "messages": ("messages",),
    "sharegpt": ("conversations",),
    "preference": ("prompt", "chosen", "rejected"),
}
_OF_A_TURN = ({"role", "content"}, {"from", "value"})


def convert(data: Data, out: Path, target: Target, problems: Problems) -> int:
    """Write all rows as JSON Lines of format `target`, whole or not at all; return how many.

    Raises:
        JobFailure: If `out` exists, or a row would lose something, with its place.
    """
    if out.exists():
        fail(f"{out}: is there already. Name a new file, or delete it first.")
    if not out.parent.is_dir():
        fail(f"{out}: there is no folder {out.parent}. Make it first, or name another.")
    partial = out.with_name(f".{out.name}.partial")
    count = 0
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for record in data.records:
                for value in _converted(record, data, target, problems):
                    file.write(_line(value))
                    count += 1
        if problems.count:
            fail("\n".join(problems.first))
        partial.replace(out)
    except OSError as error:
        fail(f"{out}: it cannot be written ({_reason(error)}). Name a file in a folder of yours.")
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return count


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


class _LossError(Exception):
    """Something would be lost; the text says what, and what to do instead."""


def _line(value: dict[str, Any]) -> str:
    line = json.dumps(value, ensure_ascii=False) + "\n"
    try:
        line.encode()
    except UnicodeEncodeError:
        # Half of an emoji's pair, which only an escape can hold.
        return json.dumps(value) + "\n"
    return line


def _converted(
    record: Record, data: Data, target: Target, problems: Problems
) -> list[dict[str, Any]]:
    read = samples([record], problems, data_format=data.format, columns=data.columns)
    try:
        return [_row(sample, record.value, data, target) for sample in read]
    except _LossError as loss:
        fail(f"{record.place}: {loss}")


def _row(sample: Sample, value: Mapping[str, Any], data: Data, target: Target) -> dict[str, Any]:
    used = {data.columns.get(name, name) for name in _USED[data.format]}
    others = {name: other for name, other in value.items() if name not in used}
    content = _content(sample, value, data.format, target)
    hidden = sorted(content.keys() & others.keys())
    if hidden:
        msg = f"it has a column {hidden[0]!r} already. Rename that column."
        raise _LossError(msg)
    return {**content, **others}


def _content(
    sample: Sample, value: Mapping[str, Any], found: Format, target: Target
) -> dict[str, Any]:
    if (found == "preference") != (target == "preference"):
        what = "two answers" if found == "preference" else "one answer"
        msg = f"format {found} cannot become {target}: a row has {what}. Keep format {found}."
        raise _LossError(msg)
    if (found == "text") != (target == "text"):
        msg = f"format {found} cannot become {target}: text has no prompts. Keep format {found}."
        raise _LossError(msg)
    if target == "text":
        return {"text": sample.text}
    _turns_are_plain(value, found)
    if sample.rejected is not None:
        return _preference(sample, sample.rejected)
    turns = [(message.role, message.content) for message in sample.messages]
    if not turns:
        turns = [("user", _instruction(sample, target)), ("assistant", sample.output)]
    if sample.system:
        if turns[0][0] == "system":
            msg = "it has a column 'system' and a system turn. Remove one of the two."
            raise _LossError(msg)
        turns.insert(0, ("system", sample.system))
    return _messages(turns) if target == "messages" else _exchange(turns)


def _preference(chosen: Sample, rejected: Sample) -> dict[str, Any]:
    """Prompt and answers apart, as texts or turns, whichever the file has."""
    system = {"system": chosen.system} if chosen.system else {}
    content: dict[str, Any] = {
        "prompt": chosen.instruction,
        "chosen": chosen.output,
        "rejected": rejected.output,
    }
    if chosen.messages:
        asked, sides = chosen.prompt_turns, (chosen.messages, rejected.messages)
        turns = (chosen.messages[:asked], *(side[asked:] for side in sides))
        content = {
            name: [vars(message) for message in said]
            for name, said in zip(content, turns, strict=True)
        }
    return {**content, **system}


def _turns_are_plain(value: Mapping[str, Any], found: Format) -> None:
    for column in _TURNS.get(found, ()):
        turns = value.get(column)
        for number, turn in enumerate(turns if isinstance(turns, list) else (), start=1):
            known = next(names for names in _OF_A_TURN if names <= turn.keys())
            more = sorted(name for name in turn if name not in known and turn[name] is not None)
            if more:
                msg = f"turn {number} has {more[0]!r} too, which no format has. Remove it first."
                raise _LossError(msg)


def _instruction(sample: Sample, target: Target) -> str:
    if sample.input:
        msg = (
            f"it has an input beside the instruction, and {target} has one field for both. "
            "Keep format alpaca: kind dataset reads it."
        )
        raise _LossError(msg)
    return sample.instruction


def _messages(turns: list[tuple[str, str]]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def _exchange(turns: list[tuple[str, str]]) -> dict[str, Any]:
    roles = tuple(role for role, _ in turns)
    if roles not in (("user", "assistant"), ("system", "user", "assistant")):
        msg = (
            f"a conversation of {', '.join(roles)} is more than a prompt and a completion. "
            "Use --to messages."
        )
        raise _LossError(msg)
    system = {"system": turns[0][1]} if len(turns) == 3 else {}
    return {"prompt": turns[-2][1], "completion": turns[-1][1], **system}
