from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.rows import (
    Message,
    MessagesRow,
    PreferenceRow,
    PromptRow,
    TextRow,
    write_rows,
)
from training_scripts.evaluation.questions import (
    Question,
    answer_sets,
    as_questions,
    leaked_rows,
    read_exam,
    read_training,
    sample_per_task,
    with_answer,
)

if TYPE_CHECKING:
    from pathlib import Path


def asked(task: str, answers: list[str]) -> list[Question]:
    rows = [
        PromptRow(f"{task}{n}", f"{task} {n}", answer, task) for n, answer in enumerate(answers)
    ]
    return as_questions(rows, task_column="task")


def test_the_exam_is_the_sealed_split_and_not_what_was_trained_on(tmp_path: Path) -> None:
    write_rows(tmp_path / "train.jsonl", [PromptRow("1", "seen", "a")])
    write_rows(tmp_path / "test.jsonl", [PromptRow("2", "sealed", "b")])

    assert [q.prompt for q in read_exam(tmp_path, task_column="task")] == ["sealed"]
    assert [q.prompt for q in read_training(tmp_path, task_column="task")] == ["seen"]


def test_a_preference_asks_for_the_chosen_answer_and_has_no_answer_set() -> None:
    rows = [
        PreferenceRow(
            str(n), PromptRow("", "Ask", "yes"), PromptRow("", "Ask", "no"), extra={"topic": "t"}
        )
        for n in range(6)
    ]
    questions = as_questions(rows, task_column="topic")

    assert {(q.task, q.prompt, q.expected) for q in questions} == {("t", "Ask", "yes")}
    assert questions[0].rejected == PromptRow("", "Ask", "no")
    assert answer_sets(questions, [], None) == {}


def test_an_exam_without_rows_says_so(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text("", encoding="utf-8")

    with pytest.raises(JobFailure, match=r"data: no rows in .* more rows to split\."):
        read_exam(tmp_path, task_column="task")


def test_a_task_is_closed_if_few_answers_come_back_again_and_again() -> None:
    exam = asked("yesno", ["yes", "no"] * 5) + asked("free", ["one", "two", "three"])

    assert answer_sets(exam, [], None) == {"yesno": ("no", "yes")}


def test_answers_seen_only_in_training_are_possible_answers_too() -> None:
    found = answer_sets(asked("t", ["a", "a", "b", "b"]), asked("t", ["c", "c"]), None)

    assert found == {"t": ("a", "b", "c")}


def test_a_task_of_one_answer_is_refused() -> None:
    with pytest.raises(JobFailure, match=r"every row of task 't' has the answer 'yes'"):
        answer_sets(asked("t", ["yes"] * 4), [], None)


def test_a_closed_task_that_no_row_has_is_named_beside_those_there_are() -> None:
    with pytest.raises(JobFailure, match=r"no row has the task 'tpye'. Write one of 't'\."):
        answer_sets(asked("t", ["a", "b"]), [], ["tpye"])


def test_a_sample_of_a_task_stays_when_rows_are_added() -> None:
    few = asked("t", [str(n) for n in range(20)])
    more = few + asked("t", [str(n) for n in range(20, 24)])

    assert len(sample_per_task(few, 8)) == 8
    kept = {q.row.id for q in sample_per_task(few, 8)}
    assert len(kept & {q.row.id for q in sample_per_task(more, 8)}) >= 5


def test_a_sample_takes_as_many_rows_of_each_task() -> None:
    exam = asked("a", ["x"] * 9) + asked("b", ["y"] * 3)

    found = [question.task for question in sample_per_task(exam, 4)]

    assert found == ["a"] * 4 + ["b"] * 3


def test_rows_of_the_exam_that_were_trained_on_are_counted() -> None:
    exam = asked("t", ["a", "b", "c"])

    assert leaked_rows(exam, exam[:2]) == 2


def test_the_task_may_stand_in_another_column() -> None:
    row = PromptRow("1", "p", "c", "ignored", {"topic": "s3"})

    assert as_questions([row], task_column="topic")[0].task == "s3"


def test_a_conversation_asks_for_its_last_reply() -> None:
    row = MessagesRow("1", (Message("user", "Hello?"), Message("assistant", "Yes.")), "talk")
    question = as_questions([row], task_column="task")[0]

    assert (question.prompt, question.expected) == ("Hello?", "Yes.")
    other = with_answer(question, "No.")
    assert isinstance(other, MessagesRow)
    assert [message.content for message in other.messages] == ["Hello?", "No."]


def test_a_conversation_that_ends_with_the_user_is_refused() -> None:
    row = MessagesRow("7", (Message("user", "Hello?"),))

    with pytest.raises(JobFailure, match=r"row '7': the last message is not the assistant's"):
        as_questions([row], task_column="task")


def test_plain_text_asks_nothing() -> None:
    question = as_questions([TextRow("1", "Some text.")], task_column="task")[0]

    assert (question.prompt, question.expected, question.task) == ("", "", "all")
