from __future__ import annotations

from training_scripts.data.rows import PromptRow, TextRow
from training_scripts.evaluation.contamination import MOST_ROWS, RUN, contamination
from training_scripts.evaluation.questions import Question, as_questions

WORDS = [f"word{n}" for n in range(40)]


def questions(*texts: str) -> list[Question]:
    return as_questions([TextRow(str(n), text) for n, text in enumerate(texts)], task_column="t")


def test_a_run_of_thirteen_shared_words_contaminates_and_twelve_do_not() -> None:
    exam = questions(" ".join(WORDS[:20]), " ".join(WORDS[20:40]))
    twelve, thirteen = " ".join(WORDS[20 : 20 + RUN - 1]), " ".join(WORDS[5 : 5 + RUN])

    assert contamination(exam, questions(f"other {twelve} text")).rows == ()
    found = contamination(exam, questions(f"other {thirteen} text"))
    assert (found.rows, found.asked, found.share) == ((0,), 2, 0.5)


def test_case_and_punctuation_do_not_hide_a_run() -> None:
    exam = questions(" ".join(WORDS[:RUN]))
    shouted = ", ".join(word.upper() for word in WORDS[:RUN]) + "!"

    assert contamination(exam, questions(shouted)).rows == (0,)


def test_a_run_that_many_training_rows_have_is_wording() -> None:
    exam = questions(" ".join(WORDS[:RUN]))
    training = [f"{' '.join(WORDS[:RUN])} number {n}" for n in range(MOST_ROWS + 1)]

    assert contamination(exam, questions(*training[:MOST_ROWS])).rows == (0,)
    assert contamination(exam, questions(*training)).rows == ()


def test_a_run_may_reach_from_the_prompt_into_the_answer() -> None:
    row = PromptRow("a", " ".join(WORDS[:10]), " ".join(WORDS[10:20]))
    exam = as_questions([row], task_column="task")

    assert contamination(exam, questions(" ".join(WORDS[4:18]))).rows == (0,)


def test_short_questions_cannot_be_judged() -> None:
    found = contamination(questions("Is it odd?"), questions("Is it odd?"))

    assert (found.rows, found.asked, found.share) == ((), 0, 0.0)
