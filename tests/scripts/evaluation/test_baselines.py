from __future__ import annotations

from training_scripts.evaluation.baselines import first_word, majority, template_length, tfidf

PROMPTS = [
    "Question: List the buckets",
    "Question: Delete the bucket",
    "Question: List the keys",
    "Question: Put the key",
    "Question: List the jobs",
]
ANSWERS = ["read", "write", "read", "write", "read"]


def test_the_majority_gives_one_answer_to_everything() -> None:
    assert majority(PROMPTS, ANSWERS)(["x", "y"]) == ["read", "read"]


def test_a_tie_goes_to_the_same_answer_in_any_order() -> None:
    assert majority(["", ""], ["b", "a"])([""]) == majority(["", ""], ["a", "b"])([""]) == ["a"]


def test_the_first_word_is_the_first_after_what_all_prompts_begin_with() -> None:
    answer = first_word(PROMPTS, ANSWERS)

    assert answer(["Question: Delete a job", "Question: List x"]) == ["write", "read"]


def test_a_first_word_never_seen_gets_the_majority() -> None:
    assert first_word(PROMPTS, ANSWERS)(["Question: Rename it", ""]) == ["read", "read"]


def test_a_template_ends_at_a_word() -> None:
    assert template_length(["Ask: about", "Ask: above"]) == len("Ask: ")
    assert template_length(["none", "other"]) == 0


def test_tfidf_learns_words_that_are_not_first() -> None:
    prompts = [f"thing {number} is {word}" for number in range(30) for word in ("red", "blue")]
    answers = ["warm", "cold"] * 30

    answer = tfidf(prompts, answers)

    assert answer(["thing 99 is blue", "thing 98 is red"]) == ["cold", "warm"]
    looked_up = first_word(prompts, answers)(["31 is blue", "32 is red"])
    assert looked_up == ["cold", "cold"], "ties go to the smallest answer"


def test_tfidf_on_one_answer_gives_that_answer() -> None:
    assert tfidf(["a b", "c d"], ["yes", "yes"])(["e"]) == ["yes"]
