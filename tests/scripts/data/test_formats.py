"""`data/formats.py`: six formats, found by their columns, and rows that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.formats import Sample, detect_format, samples
from training_scripts.data.problems import Problems
from training_scripts.data.readers import Record
from training_scripts.data.rows import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SHARED = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
SAID = (Message("user", "Hi"), Message("assistant", "Hello"))


def read(*values: dict[str, Any], **options: Any) -> list[Sample]:
    problems = Problems()
    records = [Record(f"a.jsonl:{n}", value) for n, value in enumerate(values, start=1)]
    found = list(samples(records, problems, **options))
    problems.fail_if_any()
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"text": "x"}, "text"),
        ({"prompt": "p", "completion": "c"}, "prompt-completion"),
        ({"instruction": "i", "input": "", "output": "o"}, "alpaca"),
        ({"messages": TURNS, "prompt": "as on the hub"}, "messages"),
        ({"conversations": SHARED}, "sharegpt"),
    ],
)
def test_a_format_is_known_by_its_columns(value: dict[str, Any], expected: str) -> None:
    assert detect_format(value, "a.jsonl:1") == expected


def test_the_format_found_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    read({"instruction": "i", "output": "o", "lang": "en"})
    assert capsys.readouterr().out == (
        "format: alpaca (columns of a.jsonl:1: instruction, output, lang)\n"
    )


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ({"text": "x"}, {"text": "x"}),
        ({"prompt": "p", "completion": 1}, {"instruction": "p", "output": "1"}),
        (
            {"instruction": "i", "input": "about", "output": "o", "system": "s"},
            {"instruction": "i", "input": "about", "output": "o", "system": "s"},
        ),
        ({"instruction": "i", "input": None, "output": "o"}, {"instruction": "i", "output": "o"}),
        ({"messages": TURNS}, {"messages": SAID}),
        ({"conversations": SHARED}, {"messages": SAID}),
    ],
)
def test_every_format_says_the_same_things(value: dict[str, Any], content: dict[str, Any]) -> None:
    assert read({**value, "id": 7})[0] == Sample(id="7", **content)


def test_our_names_may_stand_for_theirs() -> None:
    row = {"question": "q", "answer": "a", "kind": "geography", "prompt": "not this"}
    columns = {"prompt": "question", "completion": "answer", "task": "kind"}
    found = read(row, columns=columns)[0]
    assert (found.instruction, found.output, found.task) == ("q", "a", "geography")


def test_short_columns_travel_along_and_long_ones_do_not() -> None:
    row = {"text": "x", "lang": "en", "score": 0.5, "long": "y" * 2_000, "list": [1]}
    assert read(row)[0].extra == {"lang": "en", "score": 0.5}


def test_a_row_without_an_id_is_called_by_its_content() -> None:
    first, second, again = read({"text": "x"}, {"text": "y"}, {"text": "x", "lang": "en"})
    assert first.id == again.id != second.id


def test_a_sample_survives_the_disk() -> None:
    (found,) = read({"messages": TURNS, "task": "t", "lang": "é\u2028"}, group_by="lang")
    assert Sample.from_json(found.to_json()) == found
    assert "\n" not in found.to_json()


BAD_ROWS: dict[str, tuple[Mapping[str, Any], dict[str, Any], str]] = {
    "columns of no format": (
        {"question": "q", "answer": "a"},
        {},
        r"a\.jsonl:1: the columns question, answer are of no format known .*"
        r"Write `columns: \{prompt: question, completion: answer\}`",
    ),
    "a misspelt column": (
        {"promt": "q", "x": "a"},
        {},
        r"the columns promt, x are of no format known .*Did you mean 'prompt'\?",
    ),
    "text under another name": (
        {"content": "q"},
        {},
        r"Write `columns: \{text: content\}`",
    ),
    "a column that a given format needs": (
        {"prompt": "q"},
        {"data_format": "prompt-completion"},
        r"a\.jsonl:1: no column 'completion', which format prompt-completion needs \(found: prompt",
    ),
    "a mapped column that is not there": (
        {"question": "q", "answr": "a"},
        {"columns": {"prompt": "question", "completion": "answer"}},
        r"there is no column 'answer', which columns\.completion names .*Did you mean 'answr'\?",
    ),
    "a null": (
        {"prompt": "q", "completion": None},
        {},
        r"a\.jsonl:1: 'completion' must be text, found null",
    ),
    "a list for a text": (
        {"prompt": ["q"], "completion": "a"},
        {},
        r"'prompt' must be text, found a list",
    ),
    "no turns": ({"messages": []}, {}, r"'messages' must be a list of turns, found an empty list"),
    "a turn without content": (
        {"messages": [{"role": "user"}]},
        {},
        r"turn 1 must have 'role' and 'content', found an object with role",
    ),
    "a role nobody knows": (
        {"messages": [{"role": "asistant", "content": "x"}]},
        {},
        r"turn 1 has 'role' 'asistant'; known are .*Did you mean 'assistant'\?",
    ),
    "a turn that says nothing": (
        {"messages": [{"role": "user", "content": None}]},
        {},
        r"turn 1: 'content' must be text, found null",
    ),
    "a conversation without a reply": (
        {"messages": TURNS[:1]},
        {},
        r"'messages' has no turn of the assistant, so there is nothing to learn",
    ),
    "a group column that is not there": (
        {"text": "x", "servce": "s3"},
        {"group_by": "service"},
        r"there is no 'service', which split\.group_by names\. Did you mean 'servce'\?",
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_row_that_does_not_fit_says_why(case: str) -> None:
    value, options, text = BAD_ROWS[case]
    with pytest.raises(JobFailure, match=text):
        read(dict(value), **options)


def test_one_row_of_another_format_among_many_is_named() -> None:
    rows = [{"prompt": "p", "completion": "c"}] * 999
    with pytest.raises(
        JobFailure,
        match=r"a\.jsonl:1000: no column 'prompt', .*The row looks like alpaca: keep one format",
    ):
        read(*rows, {"instruction": "i", "output": "o"}, *rows)


def test_what_generate_writes_becomes_a_row_for_each_completion() -> None:
    row = {"id": 7, "prompt": "q", "completions": ["a", "b"], "finish_reasons": ["stop", "stop"]}
    columns = {"completion": "completions"}
    found = read(row, columns=columns, group_by="id")
    assert [(s.id, s.instruction, s.output, s.group) for s in found] == [
        ("7-0", "q", "a", "7"),
        ("7-1", "q", "b", "7"),
    ]
    assert found[0].extra == {}


def test_a_prompt_of_turns_and_its_completion_are_a_conversation() -> None:
    row = {"prompt": TURNS[:1], "completions": ["a"]}
    (sample,) = read(row, columns={"completion": "completions"})
    assert [message.role for message in sample.messages] == ["user", "assistant"]
    assert sample.messages[1].content == "a"
