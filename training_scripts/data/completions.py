"""What step kind `generate` writes, as rows of prompt and completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def each_completion(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the row, or where its `completion` is a list, a row for each item of it."""
    found = value.get("completion")
    if not isinstance(found, list):
        yield value
        return
    for number, completion in enumerate(found):
        row = {**value, "completion": completion}
        if "id" in value and len(found) > 1:
            row["id"] = f"{value['id']}-{number}"
        yield row


def has_turns(prompt: object) -> bool:
    """Return whether a row's `prompt` is a list of turns, as TRL's conversational prompts are."""
    return isinstance(prompt, list) and bool(prompt) and all(isinstance(t, dict) for t in prompt)


def as_conversation(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose `prompt` is a list of turns as one with `messages`."""
    reply = {"role": "assistant", "content": value["completion"]}
    return {"messages": [*value["prompt"], reply]}
