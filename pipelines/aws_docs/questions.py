"""Questions with true answers, made from what the service models say.

Each begins with the operation it asks about, so that nothing is to be had from the first word.
For each operation different answers are asked for where there are any, so that no answer is right
mostly.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from families import share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from service_models import Member, Operation

Question = tuple[str, str]
"""A prompt and its true completion."""

SUMMARY_CHARACTERS = 100


@dataclass(frozen=True)
class Vocabulary:
    """The names that the operations of one service use."""

    sent: frozenset[str]
    """Members of their requests."""
    errors: frozenset[str]


def type_questions(operation: Operation, _: Vocabulary) -> Iterator[Question]:
    """Yield: which Python type boto3 takes or gives for a member."""
    for member in typed(operation):
        yield f"{subject(operation)}: Python type of `{member.name}`?", member.type


def direction_questions(operation: Operation, _: Vocabulary) -> Iterator[Question]:
    """Yield: whether a member is sent in the request or returned in the response."""
    sent, returned = names(operation.request), names(operation.response)
    for members, others, answer in (
        (operation.request, returned, "sent"),
        (operation.response, sent, "returned"),
    ):
        for member in members:
            if member.name not in others:
                yield f"{subject(operation)}: is `{member.name}` sent or returned?", answer


def required_questions(operation: Operation, _: Vocabulary) -> Iterator[Question]:
    """Yield: whether a call without the member is refused."""
    for member in operation.request:
        prompt = f"{subject(operation)}: is `{member.name}` required?"
        yield prompt, "yes" if member.required else "no"


def choice_questions(operation: Operation, service: Vocabulary) -> Iterator[Question]:
    """Yield: which of two members the operation takes; the other is one that its service knows."""
    known = names(operation.request) | names(operation.response)
    others = sorted(service.sent - known)
    for member in operation.request if others else ():
        question = f"{subject(operation)} {member.name}"
        other = others[int(share(f"other than {question}") * len(others))]
        is_first = share(f"order of {question}") < 0.5
        pair = (member.name, other) if is_first else (other, member.name)
        prompt = f"{subject(operation)}: does it take `{pair[0]}` or `{pair[1]}`?"
        yield prompt, "first" if is_first else "second"


def error_questions(operation: Operation, service: Vocabulary) -> Iterator[Question]:
    """Yield: whether the operation declares an error that its service knows."""
    for error in sorted(service.errors):
        prompt = f"{subject(operation)}: can it raise `{error}`?"
        yield prompt, "yes" if error in operation.errors else "no"


def summary_questions(operation: Operation, _: Vocabulary) -> Iterator[Question]:
    """Yield: what the operation does, in the documentation's own first sentence."""
    if 0 < len(operation.summary) <= SUMMARY_CHARACTERS:
        yield f"{subject(operation)}: what does it do?", operation.summary


def vocabularies(operations: Iterable[Operation]) -> dict[str, Vocabulary]:
    """Return for each service the names that its operations use."""
    sent: dict[str, set[str]] = defaultdict(set)
    errors: dict[str, set[str]] = defaultdict(set)
    for operation in operations:
        sent[operation.service_id].update(member.name for member in operation.request)
        errors[operation.service_id].update(operation.errors)
    return {
        service: Vocabulary(frozenset(sent[service]), frozenset(errors[service]))
        for service in sent
    }


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


def subject(operation: Operation) -> str:
    """Return how a question names an operation."""
    return f"`{operation.service_id}.{operation.name}`"


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


QUESTIONS: dict[str, Callable[[Operation, Vocabulary], Iterator[Question]]] = {
    "choice": choice_questions,
    "direction": direction_questions,
    "error": error_questions,
    "required": required_questions,
    "summary": summary_questions,
    "type": type_questions,
}
"""Task to what asks it of one operation of a service."""

SHARES = {"choice": 4, "direction": 4, "error": 4, "required": 4, "summary": 1, "type": 4}
"""How many questions of each task there are for one summary, whose long answers weigh in training
as much as many short ones."""
