"""One model sits the exam: its losses, its choice among known answers, what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training_scripts.container import fail
from training_scripts.data.rows import TextRow
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.evaluation.generation import generate
from training_scripts.evaluation.likelihood import (
    Loss,
    answer_log_likelihoods,
    completion_losses,
)
from training_scripts.evaluation.questions import with_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training_scripts.evaluation.language_model import LanguageModel
    from training_scripts.evaluation.questions import Question


@dataclass(frozen=True)
class ExamSettings:
    """How a model is asked."""

    max_length: int
    max_new_tokens: int
    """0 asks for nothing to be written."""
    batch_size: int
    truncate: bool = False
    """Whether longer rows are cut to `max_length`; otherwise they are refused."""


@dataclass(frozen=True)
class Paper:
    """Questions that models answer, and how they are asked."""

    questions: Sequence[Question]
    answer_sets: Mapping[str, Sequence[str]]
    """The possible completions of each closed task."""
    settings: ExamSettings


@dataclass(frozen=True)
class Answers:
    """What one model made of each question, in the order of the exam."""

    losses: tuple[Loss, ...]
    chosen: tuple[str | None, ...]
    """The likeliest answer of the task's set; None for questions of open tasks."""
    written: tuple[str | None, ...]
    """The greedy completion; None for plain text, which asks nothing."""
    rejected: tuple[Loss | None, ...]
    """The loss of the rejected answer; None for questions that are no preference."""


@dataclass(frozen=True)
class _Tokens:
    """A question as token ids."""

    ids: list[int]
    labels: list[int]
    prompt: list[int]
    """What stands before the completion, or before the last reply."""
    completion: list[int]


def sit_exam(
    model: LanguageModel,
    paper: Paper,
    on_batch: Callable[[int], None] = lambda _tokens: None,
) -> Answers:
    """Return the model's answers to all questions.

    Args:
        model: The model asked.
        paper: Rows with their expected completions, and how they are asked.
        on_batch: Called after each batch with the tokens it took; `batch_count` says how often.

    Raises:
        JobFailure: If rows are longer than `max_length`, or a prompt is empty.
    """
    questions, settings = paper.questions, paper.settings
    tokens = _tokenize([question.row for question in questions], model, settings)
    size = settings.batch_size
    losses = completion_losses(
        model, [(own.ids, own.labels) for own in tokens], batch_size=size, on_batch=on_batch
    )
    chosen: list[str | None] = [None] * len(questions)
    for task, answers in sorted(paper.answer_sets.items()):
        rows = [row for row, question in enumerate(questions) if question.task == task]
        scores = answer_log_likelihoods(
            model,
            [tokens[row].prompt for row in rows],
            _answer_tokens(questions[rows[0]], answers, model, settings),
            batch_size=size,
            on_batch=on_batch,
        )
        for row, found in zip(rows, scores, strict=True):
            chosen[row] = answers[int(np.argmax(found))]
    asked = _asked(questions, settings)
    completions = generate(
        model,
        [tokens[row].prompt for row in asked],
        max_new_tokens=settings.max_new_tokens,
        batch_size=size,
        on_batch=on_batch,
    )
    written: list[str | None] = [None] * len(questions)
    for row, completion in zip(asked, completions, strict=True):
        written[row] = model.tokenizer.decode(completion, skip_special_tokens=True)
    rejected = _rejected_losses(model, questions, settings, on_batch)
    return Answers(tuple(losses), tuple(chosen), tuple(written), rejected)


def _rejected_losses(
    model: LanguageModel,
    questions: Sequence[Question],
    settings: ExamSettings,
    on_batch: Callable[[int], None],
) -> tuple[Loss | None, ...]:
    losses: list[Loss | None] = [None] * len(questions)
    sides = {row: q.rejected for row, q in enumerate(questions) if q.rejected is not None}
    if sides:
        tokens = _tokenize(list(sides.values()), model, settings)
        labelled = [(own.ids, own.labels) for own in tokens]
        found = completion_losses(
            model, labelled, batch_size=settings.batch_size, on_batch=on_batch
        )
        for row, loss in zip(sides, found, strict=True):
            losses[row] = loss
    return tuple(losses)


def batch_count(paper: Paper) -> int:
    """Return how often `sit_exam` calls `on_batch`."""
    questions, settings = paper.questions, paper.settings
    per_task = [sum(question.task == task for question in questions) for task in paper.answer_sets]
    preferences = sum(question.rejected is not None for question in questions)
    counts = [len(questions), *per_task, len(_asked(questions, settings)), preferences]
    return sum(-(-count // settings.batch_size) for count in counts)


def _asked(questions: Sequence[Question], settings: ExamSettings) -> list[int]:
    if not settings.max_new_tokens:
        return []
    return [row for row, q in enumerate(questions) if not isinstance(q.row, TextRow)]


def _tokenize(
    rows: Sequence[object], model: LanguageModel, settings: ExamSettings
) -> list[_Tokens]:
    tokenized = tokenize_rows(
        rows,  # type: ignore[arg-type]
        model.tokenizer,
        max_length=settings.max_length,
        too_long="truncate" if settings.truncate else "refuse",
    )
    labels = tokenized.labels()
    found = []
    bounds = zip(tokenized.offsets[:-1], tokenized.offsets[1:], strict=True)
    for row, (start, end) in zip(rows, bounds, strict=True):
        ids = tokenized.input_ids[start:end].tolist()
        masked = np.flatnonzero(~tokenized.in_loss[start:end])
        # The last run of tokens under loss; template text after it asks nothing.
        in_loss = np.flatnonzero(tokenized.in_loss[start:end])
        last = int(in_loss[-1]) + 1
        before = masked[masked < last]
        first = int(before[-1]) + 1 if len(before) else 0
        if first == 0 and not isinstance(row, TextRow):
            fail(f"data: row {getattr(row, 'id', '')!r} has an empty prompt. Ask something in it.")
        own = labels[start:end].tolist()
        found.append(_Tokens(ids, own, ids[:first], ids[first:last]))
    return found


def _answer_tokens(
    question: Question, answers: Sequence[str], model: LanguageModel, settings: ExamSettings
) -> list[list[int]]:
    # Prompt and completion are encoded apart, so one question's answers serve for all.
    rows = [with_answer(question, answer) for answer in answers]
    return [tokens.completion for tokens in _tokenize(rows, model, settings)]
