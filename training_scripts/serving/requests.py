"""What a request asks for, checked: the members of OpenAI's completions that are answered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KNOWN = ("messages", "prompt", "max_tokens", "temperature", "seed", "model")
MOST_TOKENS = 4096
ROLES = ("system", "user", "assistant", "tool")


class RequestError(ValueError):
    """A request that cannot be answered; says which member is wrong, and what to write."""


@dataclass(frozen=True)
class Request:
    """One request."""

    messages: tuple[Message, ...]
    """A conversation; empty if `prompts` is what is asked."""
    prompts: tuple[str, ...]
    """Texts to go on with."""
    max_tokens: int = 128
    """Tokens of an answer."""
    temperature: float = 0.0
    """0 takes the likeliest token each time."""
    seed: int = 42
    model: str = "model"
    """Said back, as clients expect."""


def read_request(document: Any) -> Request:
    """Return what `document`, the JSON of a request, asks.

    Raises:
        RequestError: With everything that is wrong with it.
    """
    if not isinstance(document, dict):
        msg = f"a request is an object, found {type(document).__name__}. Write {{'prompt': TEXT}}."
        raise RequestError(msg)
    problems = list(_problems(document))
    if problems:
        raise RequestError(" ".join(problems))
    prompt = document.get("prompt", ())
    given = {name: document[name] for name in KNOWN[2:] if name in document}
    return Request(
        tuple(Message(turn["role"], turn["content"]) for turn in document.get("messages", ())),
        (prompt,) if isinstance(prompt, str) else tuple(prompt),
        **given,
    )


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    unknown = sorted(set(document) - set(KNOWN))
    if unknown:
        yield f"{', '.join(unknown)}: not known here. Leave it out; known: {', '.join(KNOWN)}."
    if ("prompt" in document) == ("messages" in document):
        yield "prompt, messages: one of the two is needed. Write {'prompt': TEXT}."
    yield from _texts(document)
    yield from _numbers(document)


def _texts(document: Mapping[str, Any]) -> Iterator[str]:
    prompt = document.get("prompt", "x")
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if not prompts or not all(isinstance(one, str) and one for one in prompts):
        yield "prompt: expected a text, or a list of texts."
    turns = document.get("messages", [{"role": "user", "content": ""}])
    if not isinstance(turns, list) or not turns or not all(map(_is_turn, turns)):
        roles = ", ".join(ROLES)
        yield f"messages: expected a list of {{'role', 'content'}}; a role is one of {roles}."
    if not isinstance(document.get("model", ""), str):
        yield "model: expected a name."


def _is_turn(turn: object) -> bool:
    return (
        isinstance(turn, dict)
        and set(turn) == {"role", "content"}
        and turn["role"] in ROLES
        and isinstance(turn["content"], str)
    )


def _numbers(document: Mapping[str, Any]) -> Iterator[str]:
    tokens, temperature = document.get("max_tokens", 1), document.get("temperature", 0)
    if type(tokens) is not int or not 1 <= tokens <= MOST_TOKENS:
        yield f"max_tokens: expected a whole number from 1 to {MOST_TOKENS}, found {tokens!r}."
    if type(temperature) not in {int, float} or not 0 <= temperature <= 2:
        yield f"temperature: expected a number from 0 to 2, found {temperature!r}."
    if type(document.get("seed", 0)) is not int:
        yield f"seed: expected a whole number, found {document['seed']!r}."
