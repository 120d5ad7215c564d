"""Rows of a preference: a prompt, and two ways to go on of which one was chosen.

The forms are those of trl. The prompt stands in a column of its own, or both sides begin with it;
it and the sides are texts or turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from training_scripts.data.cells import WrongRowError, read_text, read_turns
from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDES = ("chosen", "rejected")
_PROMPTS = ("question", "query", "instruction", "request", "input")
_FIX = "Write the prompt into a column 'prompt'."


@dataclass(frozen=True)
class TextPair:
    """A prompt and two completions."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class TurnsPair:
    """A conversation and two ways to go on with it, each begun by the assistant."""

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]


def read_pair(value: Mapping[str, Any]) -> TextPair | TurnsPair:
    """Return what the columns `prompt` (if there is one), `chosen` and `rejected` hold.

    Raises:
        WrongRowError: If a side is of another form than the other, or there is no prompt.
    """
    turns = [isinstance(value[side], list) for side in SIDES]
    if turns[0] != turns[1]:
        msg = "one of 'chosen' and 'rejected' is turns and the other is not. Write both alike."
        raise WrongRowError(msg)
    prompt = value.get("prompt")
    if turns[0] or isinstance(prompt, list):
        return _turns_pair(value, prompt)
    chosen, rejected = (read_text(value, side) for side in SIDES)
    if prompt is not None:
        return TextPair(read_text(value, "prompt"), chosen, rejected)
    end = _common_words(chosen, rejected)
    if not end or prompt_column(value) is not None:
        raise WrongRowError(_no_prompt(value))
    return TextPair(chosen[:end], chosen[end:], rejected[end:])


def prompt_column(value: Mapping[str, Any]) -> str | None:
    """Return the column that seems to be the prompt of a row whose sides are texts without it."""
    if value.get("prompt") is not None or any(isinstance(value[side], list) for side in SIDES):
        return None
    lower = {name.lower(): name for name in value}
    return next((lower[word] for word in _PROMPTS if word in lower), None)


def _turns_pair(value: Mapping[str, Any], prompt: object) -> TurnsPair:
    chosen, rejected = (_said(value, side, "assistant") for side in SIDES)
    if prompt is None or (isinstance(prompt, str) and chosen[0].role != "assistant"):
        # A `prompt` beside whole conversations repeats their first turn.
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(chosen, rejected, strict=False))
        end = min(len(list(shared)), len(chosen) - 1, len(rejected) - 1)
        pair = TurnsPair(chosen[:end], chosen[end:], rejected[end:])
    else:
        pair = TurnsPair(_said(value, "prompt", "user"), chosen, rejected)
    if not pair.prompt:
        raise WrongRowError(_no_prompt(value))
    for side, turns in zip(SIDES, (pair.chosen, pair.rejected), strict=True):
        if turns[0].role != "assistant":
            msg = (
                f"{side!r} goes on after the prompt with a turn of {turns[0].role}, not assistant. "
                "Let both sides answer the same prompt."
            )
            raise WrongRowError(msg)
        if turns[-1].role != "assistant":
            msg = f"{side!r} ends with a turn of {turns[-1].role}. End it with a reply."
            raise WrongRowError(msg)
    return pair


def _said(value: Mapping[str, Any], column: str, role: str) -> tuple[Message, ...]:
    """The turns of a cell; text is one turn of `role`."""
    turns = value[column]
    if isinstance(turns, str):
        return (Message(role, turns),)
    shared = isinstance(turns, list) and turns and isinstance(turns[0], dict) and "from" in turns[0]
    return read_turns(value, column, *(("from", "value") if shared else ("role", "content")))


def _common_words(first: str, second: str) -> int:
    """How many characters both begin with, up to before white space."""
    pairs = zip(first, second, strict=False)
    end = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    while end and not first[end - 1].isspace():
        end -= 1
    return max(end - 1, 0)


def _no_prompt(value: Mapping[str, Any]) -> str:
    found = prompt_column(value)
    if found is not None:
        return f"there is no column 'prompt'. Write `columns: {{prompt: {found}}}`."
    return f"'chosen' and 'rejected' have no beginning in common, so there is no prompt. {_FIX}"
