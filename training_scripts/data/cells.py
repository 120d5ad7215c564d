"""One cell of a row: text, or the turns of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.data.problems import did_you_mean, shown
from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class WrongRowError(Exception):
    """The row cannot be used; the text says why and what to write instead."""


def read_text(value: Mapping[str, Any], name: str) -> str:
    """Return the text of a cell.

    Raises:
        WrongRowError: If it holds something else.
    """
    found = value[name]
    if isinstance(found, str):
        return found
    # A label may be a number, as in {"completion": 1}.
    if isinstance(found, int | float):
        return str(found)
    msg = f"{name!r} must be text, found {shown(found)}."
    raise WrongRowError(msg)


def read_turns(value: Mapping[str, Any], column: str, role: str, said: str) -> tuple[Message, ...]:
    """Return the turns of a cell, whose parts are called `role` and `said`.

    Raises:
        WrongRowError: If it holds something else, or nothing.
    """
    turns = value[column]
    if not isinstance(turns, list) or not turns:
        msg = f"{column!r} must be a list of turns, found {shown(turns)}."
        raise WrongRowError(msg)
    return tuple(_turn(turn, number, role, said) for number, turn in enumerate(turns))


def _turn(turn: object, number: int, role: str, said: str) -> Message:
    if not isinstance(turn, dict) or role not in turn or said not in turn:
        msg = f"turn {number + 1} must have {role!r} and {said!r}, found {shown(turn)}."
        raise WrongRowError(msg)
    known = _SHAREGPT_ROLES if role == "from" else {name: name for name in _ROLES}
    if turn[role] not in known:
        msg = (
            f"turn {number + 1} has {role!r} {turn[role]!r}; known are {', '.join(known)}."
            f"{did_you_mean(str(turn[role]), known)}"
        )
        raise WrongRowError(msg)
    if not isinstance(turn[said], str):
        msg = f"turn {number + 1}: {said!r} must be text, found {shown(turn[said])}."
        raise WrongRowError(msg)
    return Message(known[turn[role]], turn[said])
