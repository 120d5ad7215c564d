"""Records into samples: which of six formats the rows are in, and what they say in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training_scripts.container import fail
from training_scripts.data.cells import WrongRowError, read_text, read_turns
from training_scripts.data.completions import as_conversation, each_completion, has_turns
from training_scripts.data.preferences import TextPair, read_pair
from training_scripts.data.problems import did_you_mean
from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from training_scripts.data.problems import Problems
    from training_scripts.data.readers import Record

Format = Literal["text", "prompt-completion", "alpaca", "messages", "sharegpt", "preference"]

COLUMNS: dict[Format, tuple[str, ...]] = {
    "preference": ("chosen", "rejected"),
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
    "completion": ("answer", "response", "output", "target", "label", "chosen", "completions"),
    "chosen": ("preferred", "winner", "chosen_response", "better"),
    "rejected": ("dispreferred", "loser", "rejected_response", "worse"),
    "text": ("content", "document", "body", "passage"),
}
_EXTRA_CHARACTERS = 1_000


@dataclass(frozen=True)
class Sample:
    """What one row says, before any template words it. One of three: text, turns, exchange.

    A preference is two samples: that with the chosen answer holds that with the rejected one.
    """

    id: str
    text: str = ""
    messages: tuple[Message, ...] = ()
    prompt_turns: int = 0
    """How many of `messages` a preference has in common; only what follows is learned."""
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
    rejected: Sample | None = None
    """The other answer to the same prompt, if the row is a preference."""

    def content(self) -> str:
        """Return all of its text: what length, equality and similarity are taken of."""
        if self.messages:
            said = [message.content for message in self.messages]
        elif self.text:
            said = [self.text]
        else:
            said = list(filter(None, [self.instruction, self.input, self.output]))
        return "\n".join(said if self.rejected is None else [*said, *self.rejected.answers()])

    def answers(self) -> list[str]:
        """Return what follows the prompt."""
        replies = [message.content for message in self.messages[self.prompt_turns :]]
        return replies or list(filter(None, [self.output]))

    def to_json(self) -> str:
        """Return it as one line of JSON, without its end of line."""
        # Not `asdict`, which copies what it is given, ten times slower.
        return json.dumps(_as_json(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Sample:
        """Return what `to_json` wrote."""
        return _from_json(json.loads(line))


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
    if {"chosen", "rejected"} <= pairs.keys():
        return {ours: pairs[ours] for ours in ("prompt", "chosen", "rejected") if ours in pairs}
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
    rows = placed_samples(
        records, problems, data_format=data_format, columns=columns, group_by=group_by
    )
    for _, sample in rows:
        yield sample


def placed_samples(
    records: Iterable[Record],
    problems: Problems,
    *,
    data_format: Format | Literal["auto"] = "auto",
    columns: Mapping[str, str] | None = None,
    group_by: str | None = None,
) -> Iterator[tuple[str, Sample]]:
    """Yield what `samples` does, each with the place it stands at."""
    found: Format | None = None if data_format == "auto" else data_format
    for record in records:
        try:
            value = _renamed(record, columns or {})
            if found is None:
                found = detect_format(value, record.place)
                print(f"format: {found} (columns of {record.place}: {', '.join(value)})")
            for one in each_completion(value):
                yield record.place, _sample(one, found, _group(record.value, group_by))
        except WrongRowError as error:
            problems.add(record.place, str(error))


def _as_json(sample: Sample) -> dict[str, Any]:
    messages = [vars(message) for message in sample.messages]
    rejected = None if sample.rejected is None else _as_json(sample.rejected)
    return {**vars(sample), "messages": messages, "rejected": rejected}


def _from_json(value: dict[str, Any]) -> Sample:
    value["messages"] = tuple(Message(**message) for message in value["messages"])
    if value["rejected"] is not None:
        value["rejected"] = _from_json(value["rejected"])
    return Sample(**value)


def _renamed(record: Record, columns: Mapping[str, str]) -> dict[str, Any]:
    value = dict(record.value)
    for ours, theirs in columns.items():
        if theirs not in record.value:
            msg = (
                f"there is no column {theirs!r}, which columns.{ours} names "
                f"(found: {', '.join(record.value)}).{did_you_mean(theirs, record.value)}"
            )
            raise WrongRowError(msg)
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
        raise WrongRowError(msg)
    return str(value[group_by])


def _sample(value: Mapping[str, Any], found: Format, group: str | None) -> Sample:
    _needs(value, found)
    # `rejected` never travels along: with it, a row of another format would read as a preference.
    used = {*COLUMNS[found], "task", "id", "system", "rejected"}
    content: dict[str, Any]
    other: dict[str, Any] | None = None
    match found:
        case "text":
            content = {"text": read_text(value, "text")}
        case "prompt-completion":
            content = _prompt_and_completion(value)
        case "alpaca":
            used.add("input")
            content = {name: read_text(value, name) for name in ("instruction", "output")}
            content["input"] = read_text(value, "input") if value.get("input") is not None else ""
        case "messages":
            content = {"messages": _conversation(value, "messages", "role", "content")}
        case "sharegpt":
            content = {"messages": _conversation(value, "conversations", "from", "value")}
        case "preference":
            used.add("prompt")
            content, other = _sides(value)
    if value.get("system") is not None:
        content["system"] = read_text(value, "system")
    extra = {k: v for k, v in value.items() if k not in used and _is_small(v)}
    task = None if value.get("task") is None else str(value["task"])
    name = _row_id(value, content, other)
    rejected = Sample(name, **{**content, **other}) if other else None
    return Sample(name, task=task, extra=extra, group=group, rejected=rejected, **content)


def _prompt_and_completion(value: Mapping[str, Any]) -> dict[str, Any]:
    if has_turns(value["prompt"]):
        return {"messages": read_turns(as_conversation(value), "messages", "role", "content")}
    return {"instruction": read_text(value, "prompt"), "output": read_text(value, "completion")}


def _sides(value: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Content of the chosen side, and where the rejected one differs."""
    pair = read_pair(value)
    if isinstance(pair, TextPair):
        return {"instruction": pair.prompt, "output": pair.chosen}, {"output": pair.rejected}
    chosen = {"messages": pair.prompt + pair.chosen, "prompt_turns": len(pair.prompt)}
    return chosen, {"messages": pair.prompt + pair.rejected}


def _conversation(
    value: Mapping[str, Any], column: str, role: str, said: str
) -> tuple[Message, ...]:
    messages = read_turns(value, column, role, said)
    if not any(message.role == "assistant" for message in messages):
        msg = f"{column!r} has no turn of the assistant, so there is nothing to learn."
        raise WrongRowError(msg)
    return messages


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
    raise WrongRowError(msg)


def _mapping_hint(value: Mapping[str, Any]) -> str:
    pairs = guess_columns(value)
    if not pairs:
        known = {column for columns in COLUMNS.values() for column in columns}
        close = [did_you_mean(name, known) for name in value]
        return next(
            filter(None, close), " Name yours with `columns: {prompt: ..., completion: ...}`."
        )
    return f" Write `columns: {{{', '.join(f'{ours}: {name}' for ours, name in pairs.items())}}}`."


def _is_small(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _EXTRA_CHARACTERS
    return isinstance(value, int | float)


def _row_id(
    value: Mapping[str, Any], content: Mapping[str, Any], other: Mapping[str, Any] | None
) -> str:
    if isinstance(value.get("id"), str | int):
        return str(value["id"])
    said = _plain(content) if other is None else [_plain(content), _plain(other)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    return {k: [vars(m) for m in v] if isinstance(v, tuple) else v for k, v in content.items()}
