"""Questions with true answers, made from what the service models say.

After the words of its task, each begins with the name it asks about: a look-up by the first word
gets what there is to get from names. Where an operation's verb would tell, it is hidden. For each
operation different answers are asked for where there are any, so that no answer is right mostly.
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

SUMMARY_CHARACTERS = 100


def type_questions(operation: Operation) -> Iterator[Question]:
    """Yield: which Python type boto3 takes or gives for a member."""
    for member in typed(operation):
        yield f"Python type of {about(member.name, operation)}?", member.type


def direction_questions(operation: Operation) -> Iterator[Question]:
    """Yield: whether a member is sent in the request or returned in the response."""
    sent, returned = names(operation.request), names(operation.response)
    for members, others, answer in (
        (operation.request, returned, "sent"),
        (operation.response, sent, "returned"),
    ):
        for member in members:
            if member.name not in others:
                yield f"Sent or returned: {about(member.name, operation)}?", answer


def required_questions(operation: Operation) -> Iterator[Question]:
    """Yield: whether a call without the member is refused."""
    for member in operation.request:
        prompt = f"Required: {about(member.name, operation)}?"
        yield prompt, "yes" if member.required else "no"


def method_questions(operation: Operation) -> Iterator[Question]:
    """Yield: the HTTP method of a REST operation, from its description without the verb."""
    verb = VERB.match(operation.name)
    rest = operation.summary.partition(" ")[2]
    if verb and rest and operation.method in METHODS and verb[0].lower() not in rest.lower():
        subject = f"`{operation.service_id}.{HIDDEN}{operation.name[verb.end() :]}`"
        yield f"HTTP method: {subject} {HIDDEN} {rest}", operation.method


def error_questions(operation: Operation, service_errors: frozenset[str]) -> Iterator[Question]:
    """Yield: whether the operation declares an error that its service knows."""
    for error in sorted(service_errors):
        prompt = f"Can be raised: {about(error, operation)}?"
        yield prompt, "yes" if error in operation.errors else "no"


def summary_questions(operation: Operation) -> Iterator[Question]:
    """Yield: what the operation does, in the documentation's own first sentence."""
    if 0 < len(operation.summary) <= SUMMARY_CHARACTERS:
        yield f"What it does: `{operation.service_id}.{operation.name}`?", operation.summary


def sample(questions: list[Question], count: int) -> list[Question]:
    """Return at most `count` questions, with as many different answers as there are.

    Chosen by their content, so that they stay when data grow.
    """
    turns: dict[str, int] = {}
    ranked = []
    for question in sorted(questions, key=lambda question: share(question[0])):
        turns[question[1]] = turns.get(question[1], 0) + 1
        ranked.append((turns[question[1]], share(question[0]), question))
    return [question for _, _, question in sorted(ranked)[:count]]


def about(name: str, operation: Operation) -> str:
    """Return the words that name a member or an error of an operation, the telling one first."""
    return f"`{name}` of `{operation.service_id}.{operation.name}`"


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


QUESTIONS: dict[str, Callable[[Operation], Iterator[Question]]] = {
    "type": type_questions,
    "direction": direction_questions,
    "required": required_questions,
    "method": method_questions,
    "summary": summary_questions,
}
"""Task to what asks it of one operation. `error` needs its service as well."""

SHARES = {"type": 4, "direction": 4, "required": 4, "method": 4, "error": 4, "summary": 1}
"""How many questions of each task there are for one summary, whose long answers weigh in training
as much as many short ones."""
