"""Rows as questions: what is asked, what is expected, and which tasks have a fixed answer set."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.data.rows import (
    MessagesRow,
    PreferenceRow,
    PromptRow,
    TextRow,
    has_split,
    read_rows,
    read_split,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from training_scripts.data.rows import Row

MAX_ANSWERS = 20
"""Distinct completions up to which a task counts as closed, unless `closed_tasks` says."""
NO_TASK = "all"
"""The task of rows that name none."""


@dataclass(frozen=True)
class Question:
    """One row of the exam."""

    row: PromptRow | MessagesRow | TextRow
    task: str
    prompt: str
    """What is asked, as text; empty for plain text."""
    expected: str
    """The completion, or the last reply; empty for plain text. Of a preference, what was chosen."""
    rejected: PromptRow | MessagesRow | None = None
    """Of a preference, `row` with the answer that was rejected."""


def read_exam(folder: Path, *, task_column: str, field: str = "data") -> list[Question]:
    """Return the questions of a channel: its test split, or else validation, or else all rows.

    Args:
        folder: The channel's.
        task_column: The column that names each row's task.
        field: What the channel is called in an error.

    Raises:
        JobFailure: If there are none.
    """
    split = next((name for name in ("test", "validation") if has_split(folder, name)), None)
    rows = read_split(folder, split) if split else read_rows(folder)
    questions = as_questions(rows, task_column=task_column)
    if not questions:
        fail(f"{field}: no rows in {folder.name}. Give a step of kind dataset more rows to split.")
    return questions


def read_training(folder: Path, *, task_column: str) -> list[Question]:
    """Return the questions of the training split of a channel, or of all its rows."""
    rows = read_split(folder, "train") if has_split(folder, "train") else read_rows(folder)
    return as_questions(rows, task_column=task_column)


def as_questions(rows: Iterable[Row], *, task_column: str) -> list[Question]:
    """Return one question a row, in order."""
    return [_question(row, task_column) for row in rows]


def sample_per_task(questions: Sequence[Question], count: int | None) -> list[Question]:
    """Return at most `count` questions of each task, chosen by content, in their order."""
    if count is None:
        return list(questions)
    by_task: dict[str, list[int]] = defaultdict(list)
    for number, question in enumerate(questions):
        by_task[question.task].append(number)
    kept: set[int] = set()
    for numbers in by_task.values():
        kept.update(sorted(numbers, key=lambda number: _content_key(questions[number]))[:count])
    return [question for number, question in enumerate(questions) if number in kept]


def answer_sets(
    exam: Sequence[Question],
    training: Sequence[Question],
    closed_tasks: Sequence[str] | None,
    *,
    field: str = "data",
) -> dict[str, tuple[str, ...]]:
    """Return for each closed task the answers a completion can be, sorted.

    `field` is what the rows of the exam are called in an error.

    Raises:
        JobFailure: If a closed task has one answer only, or `closed_tasks` names an unknown one.
    """
    # Of two answers one was liked more: the other may be right too.
    asked = {q.task for q in exam if q.expected and q.rejected is None}
    unknown = sorted(set(closed_tasks or ()) - asked)
    if unknown:
        fail(f"closed_tasks: no row has the task {unknown[0]!r}. Write one of {_list(asked)}.")
    answers: dict[str, list[str]] = defaultdict(list)
    for question in (*exam, *training):
        if question.task in asked and question.expected:
            answers[question.task].append(question.expected)
    closed = closed_tasks if closed_tasks is not None else _closed(answers)
    found = {task: tuple(sorted(set(answers[task]))) for task in sorted(closed)}
    single = [task for task, distinct in found.items() if len(distinct) == 1]
    if single:
        answer = found[single[0]][0]
        fail(
            f"{field}: every row of task {single[0]!r} has the answer {answer!r}, so any model "
            "would be right. Add rows with other answers, or leave the task out."
        )
    return found


def leaked_rows(exam: Sequence[Question], training: Sequence[Question]) -> int:
    """Return how many questions of the exam, word for word, are in the training rows."""
    seen = {(question.prompt, question.expected) for question in training}
    return sum((question.prompt, question.expected) in seen for question in exam if question.prompt)


def with_answer(question: Question, answer: str) -> Row:
    """Return the question's row with `answer` as its completion."""
    match question.row:
        case PromptRow() as row:
            return replace(row, completion=answer)
        case MessagesRow() as row:
            reply = replace(row.messages[-1], content=answer)
            return replace(row, messages=(*row.messages[:-1], reply))
        case TextRow() as row:
            return row


def _closed(answers: dict[str, list[str]]) -> list[str]:
    # Few rows of an open task have few distinct completions too: answers must come back.
    return [
        task
        for task, found in answers.items()
        if len(set(found)) <= MAX_ANSWERS and 2 * len(set(found)) <= len(found)
    ]


def _question(row: Row, task_column: str) -> Question:
    named: Any = row.extra.get(task_column) if task_column != "task" else row.task
    task = NO_TASK if named is None else str(named)
    match row:
        case PreferenceRow():
            return replace(_question(row.chosen, "task"), task=task, rejected=row.rejected)
        case PromptRow():
            return Question(row, task, row.prompt, row.completion)
        case MessagesRow():
            if not row.messages or row.messages[-1].role != "assistant":
                fail(f"row {row.id!r}: the last message is not the assistant's. End it with one.")
            prompt = "\n".join(message.content for message in row.messages[:-1])
            return Question(row, task, prompt, row.messages[-1].content)
        case TextRow():
            return Question(row, task, "", "")


def _content_key(question: Question) -> str:
    text = f"{question.prompt}\0{question.expected}\0{question.row.id}"
    return hashlib.sha256(text.encode()).hexdigest()


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
