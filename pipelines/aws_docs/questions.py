"""Questions with true answers, made from what the service models say.

Each begins with the name it asks about, so that a look-up by the first word gets what there is to
get from names. Where an operation's verb would tell the answer, it is hidden.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from families import share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service_models import Member, Operation

Question = tuple[str, str]
"""A prompt and its true completion."""

HIDDEN = "..."
"""Stands for the words that would give the answer away."""

VERB = re.compile(r"[A-Z][a-z]+")
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")

STRINGS_KEPT = 0.35
"""Two members in three are strings; this share of them keeps the task from being one answer."""


def type_questions(operation: Operation) -> Iterator[Question]:
    """Yield: which Python type boto3 takes or gives for a member."""
    for member in typed(operation):
        if member.type != "str" or keeps(operation, member, STRINGS_KEPT):
            yield f"{about(member.name, operation)}: which Python type?", member.type


def direction_questions(operation: Operation) -> Iterator[Question]:
    """Yield: whether a member is sent in the request or returned in the response."""
    sent, returned = names(operation.request), names(operation.response)
    for members, others, answer in (
        (operation.request, returned, "sent"),
        (operation.response, sent, "returned"),
    ):
        for member in members:
            if member.name not in others:
                yield f"{about(member.name, operation)}: sent or returned?", answer


def required_questions(operation: Operation) -> Iterator[Question]:
    """Yield: whether a call without the member is refused."""
    for member in operation.request:
        prompt = f"{about(member.name, operation)}: is it required?"
        yield prompt, "yes" if member.required else "no"


def method_questions(operation: Operation) -> Iterator[Question]:
    """Yield: the HTTP method of a REST operation, from its description without the verb."""
    verb = VERB.match(operation.name)
    rest = operation.summary.partition(" ")[2]
    if verb and rest and operation.method in METHODS and verb[0].lower() not in rest.lower():
        subject = f"`{HIDDEN}{operation.name[verb.end() :]}` in {operation.service}"
        yield f"{subject}, which {HIDDEN} {rest.rstrip('.')}: which HTTP method?", operation.method


def error_questions(operation: Operation, service_errors: frozenset[str]) -> Iterator[Question]:
    """Yield: whether the operation declares an error that its service knows."""
    for error in sorted(service_errors):
        prompt = f"{about(error, operation)}: can it be raised?"
        yield prompt, "yes" if error in operation.errors else "no"


def summary_questions(operation: Operation) -> Iterator[Question]:
    """Yield: what the operation does, in the documentation's own first sentence."""
    if operation.summary:
        yield f"`{operation.name}` in {operation.service}: what does it do?", operation.summary


def sample(questions: list[Question], count: int) -> list[Question]:
    """Return at most `count` questions, chosen by their content, so that they stay as data grow."""
    return sorted(questions, key=lambda question: share(question[0]))[:count]


def about(name: str, operation: Operation) -> str:
    """Return the words that name a member or an error of an operation, the telling one first."""
    return f"`{name}` of `{operation.name}` in {operation.service}"


def typed(operation: Operation) -> list[Member]:
    """Return the members, each name once; none that is sent as one type and returned as another."""
    types: dict[str, set[str]] = {}
    found: dict[str, Member] = {}
    for member in (*operation.request, *operation.response):
        types.setdefault(member.name, set()).add(member.type)
        found.setdefault(member.name, member)
    return [member for name, member in found.items() if len(types[name]) == 1]


def names(members: tuple[Member, ...]) -> frozenset[str]:
    """Return the names of `members`."""
    return frozenset(member.name for member in members)


def keeps(operation: Operation, member: Member, kept: float) -> bool:
    """Return whether a member is among the share `kept`, by its name alone."""
    return share(f"{operation.service_id} {operation.name} {member.name}") < kept


QUESTIONS: dict[str, Callable[[Operation], Iterator[Question]]] = {
    "type": type_questions,
    "direction": direction_questions,
    "required": required_questions,
    "method": method_questions,
    "summary": summary_questions,
}
"""Task to what asks it of one operation. `error` needs its service as well."""
