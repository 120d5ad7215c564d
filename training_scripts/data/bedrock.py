"""Rows in the formats in which Amazon Bedrock customizes models, and what it asks of each.

Sources: docs.aws.amazon.com/bedrock/latest/userguide/model-customization-prepare.html and
rft-prepare-data.html; the limits are the catalogue's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.data.problems import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

CONVERSATION = "bedrock-conversation-2024"
PROMPTS = "prompt-completion"
CHARACTERS_PER_TOKEN = 6
"""By which Bedrock's quotas turn tokens into characters of a row."""
_TEXTS = ("input", "text")


class UnfitError(ValueError):
    """The row cannot be used; the text says why and what to write instead."""


@dataclass(frozen=True)
class Target:
    """What rows are made into."""

    customization_type: str
    formats: Sequence[str]
    """That the base model takes, the one to prefer first."""
    max_tokens: int | None = None

    def convert(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row in the service's format.

        Raises:
            UnfitError: If it lacks something, or is longer than the model takes.
        """
        row = self._converted(value)
        tokens = math.ceil(_characters(row) / CHARACTERS_PER_TOKEN)
        if self.max_tokens is not None and tokens > self.max_tokens:
            message = (
                f"the row has about {tokens:,} tokens ({CHARACTERS_PER_TOKEN} characters each), "
                f"and the model takes {self.max_tokens:,}. Split it."
            )
            raise UnfitError(message)
        return row

    def _converted(self, value: Mapping[str, Any]) -> dict[str, Any]:
        match self.customization_type:
            case "continued_pre_training":
                return {"input": _plain_text(value)}
            case "reinforcement_fine_tuning":
                return _graded(value)
            case "distillation":
                return _conversation(value, answered=False)
        if CONVERSATION in self.formats and (PROMPTS not in self.formats or not _is_prompt(value)):
            return _conversation(value, answered=True)
        return _prompt_completion(value)


def answer_of(row: Mapping[str, Any]) -> str | None:
    """Return what a model is to say to a converted row; None if the row leaves it open."""
    if "completion" in row:
        return str(row["completion"])
    if "reference_answer" in row:
        answer = row["reference_answer"]
        return answer if isinstance(answer, str) else str(answer)
    last = row.get("messages", [{}])[-1]
    return str(_content(last["content"])) if last.get("role") == "assistant" else None


def prompt_of(row: Mapping[str, Any]) -> str:
    """Return what stands before that in a converted row; all of it if there is no answer."""
    if "input" in row or "prompt" in row:
        return str(row.get("input", row.get("prompt")))
    turns = [turn for turn in row["messages"] if turn is not row["messages"][-1] or _asks(turn)]
    said = [str(_content(turn["content"])) for turn in turns]
    return "\n".join([*(part["text"] for part in row.get("system", [])), *said])


def _asks(turn: Mapping[str, Any]) -> bool:
    return bool(turn["role"] == "user")


def _plain_text(value: Mapping[str, Any]) -> str:
    name = next((name for name in _TEXTS if name in value), None)
    if name is None:
        message = f'found {shown(dict(value))}, no text. Write {{"input": "..."}}.'
        raise UnfitError(message)
    return _text(value[name], name)


def _is_prompt(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("prompt"), str) and "completion" in value


def _prompt_completion(value: Mapping[str, Any]) -> dict[str, Any]:
    if _is_prompt(value):
        completion = _text(value["completion"], "completion")
        return {"prompt": _text(value["prompt"], "prompt"), "completion": completion}
    if "messages" in value:
        row = _conversation(value, answered=True)
        if len(row["messages"]) == 2:
            return {"prompt": prompt_of(row), "completion": answer_of(row)}
        message = (
            "the model takes one prompt and one completion, and this has more turns. Split it."
        )
        raise UnfitError(message)
    message = (
        f"found {shown(dict(value))}, neither prompt and completion nor messages. "
        'Write {"prompt": "...", "completion": "..."}.'
    )
    raise UnfitError(message)


def _conversation(value: Mapping[str, Any], *, answered: bool) -> dict[str, Any]:
    system, turns = _turns(value)
    for number, turn in enumerate(turns):
        wanted = ("user", "assistant")[number % 2]
        if turn["role"] != wanted:
            message = (
                f"messages[{number}] is of role {turn['role']!r}, and {wanted!r} is its turn. "
                "Let user and assistant take turns, the user first."
            )
            raise UnfitError(message)
    if answered and turns[-1]["role"] != "assistant":
        message = "the last turn is the user's. End it with what the assistant should say."
        raise UnfitError(message)
    parts = [{"role": turn["role"], "content": [{"text": turn["content"]}]} for turn in turns]
    head = {"system": [{"text": text} for text in system]} if system else {}
    return {"schemaVersion": CONVERSATION, **head, "messages": parts}


def _graded(value: Mapping[str, Any]) -> dict[str, Any]:
    reference = value.get("reference_answer", value.get("completion"))
    system, turns = _turns(value if "messages" in value else {**value, "completion": None})
    if turns[-1]["role"] == "assistant":
        *turns, last = turns
        reference = last["content"] if reference is None else reference
    if not turns or turns[-1]["role"] != "user":
        message = "no question is left for the model to answer. End it with a turn of the user."
        raise UnfitError(message)
    if reference is None:
        message = 'there is nothing to grade an answer by. Add "reference_answer".'
        raise UnfitError(message)
    given = [{"role": "system", "content": text} for text in system]
    return {"messages": [*given, *turns], "reference_answer": reference}


def _turns(value: Mapping[str, Any]) -> tuple[list[str], list[dict[str, str]]]:
    """The system's texts, and the turns that follow, each with one text."""
    if isinstance(value.get("prompt"), str) and "messages" not in value:
        turns = [{"role": "user", "content": _text(value["prompt"], "prompt")}]
        if value.get("completion") is not None:
            answer = _text(value["completion"], "completion")
            turns.append({"role": "assistant", "content": answer})
        return [], turns
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        message = (
            f"found {shown(dict(value))}, no conversation. "
            'Write {"messages": [{"role": "user", "content": "..."}, ...]}.'
        )
        raise UnfitError(message)
    told = value.get("system")
    system = [_text(_content(part), "system") for part in told] if isinstance(told, list) else []
    read = [_turn(turn, number) for number, turn in enumerate(messages)]
    while read and read[0]["role"] == "system":
        system.append(read.pop(0)["content"])
    if not read:
        message = "messages holds the system's turn alone. Add one of the user."
        raise UnfitError(message)
    return system, read


def _turn(turn: object, number: int) -> dict[str, str]:
    where = f"messages[{number}]"
    if not isinstance(turn, Mapping) or not isinstance(turn.get("role"), str):
        message = f'{where} has no role. Write {{"role": "user", "content": "..."}}.'
        raise UnfitError(message)
    return {"role": turn["role"], "content": _text(_content(turn.get("content")), where)}


def _content(content: object) -> object:
    """The text of a turn: as it stands, or of its parts; another value as it is."""
    if isinstance(content, Mapping):
        return content.get("text")
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        texts = [part.get("text") for part in content]
        return "\n".join(map(str, texts)) if all(isinstance(t, str) for t in texts) else None
    return content


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        found = "an empty text" if isinstance(value, str) else shown(value)
        message = f"{where} is {found}. Write text: images and other parts are not supported."
        raise UnfitError(message)
    return value


def _characters(row: Mapping[str, Any]) -> int:
    return len(prompt_of(row)) + len(answer_of(row) or "")
