"""Preferences: the forms their rows come in, how they are worded, and their tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.cleaning import clean, is_empty, is_tie
from training_scripts.data.content import content_key
from training_scripts.data.formats import Sample, detect_format, guess_columns, samples
from training_scripts.data.packing import pack
from training_scripts.data.problems import Problems
from training_scripts.data.readers import Record
from training_scripts.data.rows import PreferenceRow, read_rows, row_text, write_rows
from training_scripts.data.templates import render
from training_scripts.data.tokenize import token_counts, tokenize_pairs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def reply(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def read(value: dict[str, Any]) -> Sample:
    problems = Problems()
    found = list(samples([Record("a.jsonl:1", value)], problems, data_format="preference"))
    problems.fail_if_any()
    return found[0]


def row_of(value: dict[str, Any], template: Any = "plain") -> PreferenceRow:
    row = render(clean(read(value)), template)
    assert isinstance(row, PreferenceRow)
    return row


def as_line(row: PreferenceRow, folder: Path) -> dict[str, Any]:
    """The row as it is written, which must read back as it is."""
    write_rows(folder / "train.jsonl", [row])
    assert list(read_rows(folder / "train.jsonl")) == [row]
    value: dict[str, Any] = json.loads((folder / "train.jsonl").read_text(encoding="utf-8"))
    return {name: value[name] for name in ("prompt", "chosen", "rejected")}


SKY = {"prompt": "Sky?\n", "chosen": "Blue.", "rejected": "Green."}
ASKED = {"from": "human", "value": "Sky?"}
SAID = {"prompt": [user("Sky?")], "chosen": [reply("Blue.")], "rejected": [reply("Green.")]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."}, SKY),
        (SAID, SAID),
        ({**SAID, "prompt": "Sky?"}, SAID),
        ({**SAID, "chosen": "Blue.", "rejected": "Green."}, SAID),
        # Without a prompt, or with one that repeats the first turn, as on the hub.
        (
            {
                "chosen": [user("Sky?"), reply("Blue.")],
                "rejected": [user("Sky?"), reply("Green.")],
            },
            SAID,
        ),
        (
            {
                "prompt": "Sky?",
                "chosen": [user("Sky?"), reply("Blue.")],
                "rejected": [user("Sky?"), reply("Green.")],
            },
            SAID,
        ),
        (
            {
                "chosen": [ASKED, {"from": "gpt", "value": "Blue."}],
                "rejected": [ASKED, {"from": "gpt", "value": "Green."}],
            },
            SAID,
        ),
        (
            {
                "chosen": "Human: Sky?\n\nAssistant: It is blue.",
                "rejected": "Human: Sky?\n\nAssistant: It is bluish.",
            },
            {
                "prompt": "Human: Sky?\n\nAssistant: It is",
                "chosen": " blue.",
                "rejected": " bluish.",
            },
        ),
    ],
)  # fmt: skip
def test_every_form_says_a_prompt_and_two_answers(
    value: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    assert detect_format(value, "a.jsonl:1") == "preference"
    assert as_line(row_of(value), tmp_path) == expected


def test_a_longer_conversation_parts_where_the_answers_do(tmp_path: Path) -> None:
    opening = [user("Sky?"), reply("Blue."), user("Why?")]
    value = {
        "system": "Be short.",
        "chosen": [*opening, reply("Light.")],
        "rejected": [*opening, reply("No."), user("No?"), reply("Yes.")],
    }
    line = as_line(row_of(value), tmp_path)
    assert line["prompt"] == [{"role": "system", "content": "Be short."}, *opening]
    assert line["chosen"] == [reply("Light.")]
    assert [turn["content"] for turn in line["rejected"]] == ["No.", "No?", "Yes."]


@pytest.mark.parametrize("template", ["plain", "question-answer", "chat"])
def test_both_answers_follow_the_same_prompt(template: str, tmp_path: Path) -> None:
    row = row_of({"prompt": "Q?", "chosen": " Yes.", "rejected": "No."}, template)
    line = as_line(row, tmp_path)
    if template == "chat":
        assert line["prompt"] == [user("Q?")]
    else:
        assert line["prompt"].endswith("\n")
        assert (line["chosen"], line["rejected"]) == (" Yes.", "No.")


BAD_ROWS = {
    "one side of turns": (
        {"prompt": "p", "chosen": "a", "rejected": [reply("b")]},
        "one of 'chosen' and 'rejected' is turns and the other is not. Write both alike.",
    ),
    "no prompt": (
        {"chosen": "Blue", "rejected": "Green"},
        "have no beginning in common, so there is no prompt. Write the prompt into a column",
    ),
    "a prompt under another name": (
        {"question": "Sky?", "chosen": "It is blue", "rejected": "It was green"},
        r"there is no column 'prompt'. Write `columns: {prompt: question}`.",
    ),
    "two prompts": (
        {"chosen": [user("a"), reply("x")], "rejected": [user("b"), reply("x")]},
        "'chosen' and 'rejected' have no beginning in common",
    ),
    "answers to two questions": (
        {
            "chosen": [user("a"), reply("x"), user("b"), reply("y")],
            "rejected": [user("a"), reply("x"), user("c"), reply("y")],
        },
        "'chosen' goes on after the prompt with a turn of user, not assistant. Let both sides",
    ),
    "a question without an answer": (
        {"chosen": [user("a"), reply("x"), user("b")], "rejected": [user("a"), reply("y")]},
        "'chosen' ends with a turn of user. End it with a reply.",
    ),
    "a null": ({"prompt": "p", "chosen": "a", "rejected": None}, "'rejected' must be text, found"),
    "no rejected": (
        {"prompt": "p", "chosen": "a"},
        "no column 'rejected', which format preference",
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_row_that_is_no_preference_says_why(case: str) -> None:
    value, text = BAD_ROWS[case]
    with pytest.raises(JobFailure) as failure:
        read(value)
    assert str(failure.value).startswith("a.jsonl:1: ")
    assert text in str(failure.value)


def test_columns_of_preferences_are_guessed_by_their_names() -> None:
    assert guess_columns(["Question", "preferred", "dispreferred", "score"]) == {
        "prompt": "Question",
        "chosen": "preferred",
        "rejected": "dispreferred",
    }


def test_a_tie_is_seen_after_cleaning_and_an_empty_answer_too() -> None:
    tie = clean(read({"prompt": "p", "chosen": "a", "rejected": "a \u200b\n"}))
    assert is_tie(tie)
    assert not is_empty(tie)
    for side in ("chosen", "rejected"):
        assert is_empty(clean(read({**SKY, side: " "})))
    assert not is_tie(read(SKY))


def test_rows_differ_where_only_the_rejected_answer_does() -> None:
    first, second = read(SKY), read({**SKY, "rejected": "Red."})
    assert content_key(first) != content_key(second)
    assert first.id != second.id
    assert first.content() == "Sky?\n\nBlue.\nGreen."
    assert row_text(render(first, "plain")) == "Sky?\n\nBlue.\nGreen."


def test_a_row_of_another_format_does_not_turn_into_a_preference(tmp_path: Path) -> None:
    value = {"prompt": "p", "completion": "c", "chosen": "c", "rejected": "d"}
    problems = Problems()
    records = [Record("a.jsonl:1", value)]
    (found,) = samples(records, problems, data_format="prompt-completion")
    write_rows(tmp_path / "train.jsonl", [render(found, "plain")])
    (row,) = read_rows(tmp_path / "train.jsonl")
    assert not isinstance(row, PreferenceRow)


def spoken(tokens: Any, tokenizer: Any) -> list[tuple[str, str]]:
    """Of each document, the text without loss and with."""
    found = []
    for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True):
        ids, learned = tokens.input_ids[start:end], tokens.in_loss[start:end]
        found.append(
            (tokenizer.decode(ids[~learned].tolist()), tokenizer.decode(ids[learned].tolist()))
        )
    return found


def test_the_loss_is_on_both_answers_and_on_nothing_else(tokenizer: Any) -> None:
    tokens = tokenize_pairs([row_of(SKY)], tokenizer, max_length=64)
    assert spoken(tokens, tokenizer) == [
        ("Sky?\n", "Blue.<|end|>"),
        ("Sky?\n", "Green.<|end|>"),
    ]


def test_replies_of_the_prompt_are_not_learned(tokenizer: Any) -> None:
    opening = [user("Sky?"), reply("Blue."), user("Why?")]
    value = {"chosen": [*opening, reply("Light.")], "rejected": [*opening, reply("No.")]}
    (asked, chosen), (same, rejected) = spoken(
        tokenize_pairs([row_of(value)], tokenizer, max_length=200), tokenizer
    )
    assert asked == same
    assert "Blue." in asked
    assert chosen.startswith("Light.<|im_end|>")
    assert rejected.startswith("No.<|im_end|>")


def test_a_prompt_that_must_be_cut_is_cut_alike(tokenizer: Any) -> None:
    value = {"prompt": "one two three " * 8, "chosen": "Yes.", "rejected": "It deletes it. " * 4}
    whole = tokenize_pairs([row_of(value)], tokenizer, max_length=1_000)
    cut = tokenize_pairs([row_of(value)], tokenizer, max_length=60, too_long="truncate")
    (first, chosen), (second, rejected) = spoken(cut, tokenizer)
    assert first == second
    assert len(first) < len(spoken(whole, tokenizer)[0][0])
    assert first.endswith("three\n")
    assert chosen == "Yes.<|end|>"
    assert rejected.startswith("It deletes it.")


def test_a_pair_that_is_too_long_is_named_once(tokenizer: Any) -> None:
    rows = [row_of(SKY), row_of({**SKY, "id": "long", "rejected": "Green. " * 30})]
    longest = max(token_counts(rows, tokenizer))
    with pytest.raises(
        JobFailure,
        match=rf"max_length: 1 of 2 rows have more than 20 tokens \('long' has {longest}\)\. "
        rf"Use max_length: {longest} or set truncate: true",
    ):
        tokenize_pairs(rows, tokenizer, max_length=20)


def test_a_pair_is_a_sequence_of_two_documents(tokenizer: Any) -> None:
    rows = [row_of(SKY), row_of({**SKY, "prompt": "What?", "chosen": "That. " * 3})]
    tokens = tokenize_pairs(rows, tokenizer, max_length=64)
    packed = pack(tokens, 64, strategy="pairs")
    assert packed.documents == ((0, 1), (2, 3))
    assert [sum(lengths) for lengths in packed.document_lengths] == [
        int(tokens.offsets[2]),
        int(tokens.offsets[4] - tokens.offsets[2]),
    ]
