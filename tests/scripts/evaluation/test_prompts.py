"""Prompts out of rows of every shape, and as tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.rows import Message, MessagesRow, PromptRow, TextRow
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.evaluation.prompts import Prompt, asked_as_json, prompt_tokens, read_prompts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
REPLY = {"role": "assistant", "content": "Hello"}


def write(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_text(lines, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("row", "asked", "reference", "others"),
    [
        ({"prompt": "Q"}, "Q", None, {}),
        ({"prompt": "Q", "completion": "A", "task": "t"}, "Q", "A", {"task": "t"}),
        ({"text": "Once", "n": 1}, "Once", None, {"n": 1}),
        ({"messages": [*ASKED, REPLY]}, ASKED, "Hello", {}),
        ({"messages": ASKED}, ASKED, None, {}),
        ({"messages": [*ASKED, REPLY, ASKED[1]]}, [*ASKED, REPLY, ASKED[1]], None, {}),
        ({"prompt": ASKED, "completions": ["A"]}, ASKED, None, {"completions": ["A"]}),
    ],
)
def test_a_row_of_every_shape_asks_something(
    tmp_path: Path, row: Any, asked: Any, reference: str | None, others: Any
) -> None:
    (prompt,) = read_prompts(write(tmp_path / "data", row))

    assert asked_as_json(prompt) == asked
    assert (prompt.reference, prompt.others) == (reference, others)
    assert (prompt.number, prompt.id) == (0, 0)


def test_a_row_keeps_its_own_id_and_its_number_over_all_files(tmp_path: Path) -> None:
    write(tmp_path, {"prompt": "a", "id": "x-7"}, {"prompt": "b"}, name="1.jsonl")
    write(tmp_path, {"prompt": "c", "id": 12}, {"prompt": "d", "id": True}, name="2.jsonl")

    found = read_prompts(tmp_path)

    assert [(prompt.number, prompt.id) for prompt in found] == [(0, "x-7"), (1, 1), (2, 12), (3, 3)]


def test_rows_that_ask_nothing_are_named_all_at_once(tmp_path: Path) -> None:
    rows = [
        {"prompt": "fine"},
        {"question": "Q"},
        {"text": 7},
        {"messages": [{"role": "usr", "content": "Hi"}]},
        {"messages": [REPLY]},
    ]

    with pytest.raises(JobFailure) as failure:
        read_prompts(write(tmp_path / "data", *rows))

    said = str(failure.value)
    assert "rows.jsonl:2: no column prompt, messages or text (found: question)" in said
    assert "rows.jsonl:3: 'text' must be text or a list of turns, found int" in said
    assert "rows.jsonl:4: turn 1 must have a role (system, user, assistant, tool)" in said
    assert "rows.jsonl:5: the assistant's turn is the only one" in said


def test_fewer_rows_are_chosen_by_content_and_keep_order_and_number(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {number}?", "id": f"r{number}"} for number in range(30)]
    few = read_prompts(write(tmp_path / "a", *rows), max_rows=5)
    turned = read_prompts(write(tmp_path / "b", *reversed(rows)), max_rows=5)

    assert len(few) == 5
    assert [prompt.number for prompt in few] == sorted(prompt.number for prompt in few)
    assert [prompt.id for prompt in few] == [f"r{prompt.number}" for prompt in few]
    assert {prompt.id for prompt in few} == {prompt.id for prompt in turned}
    assert {prompt.number for prompt in few} != set(range(5))


def test_tokens_are_those_with_which_training_on_the_row_begins(tokenizer_with_begin: Any) -> None:
    turns = tuple(Message(turn["role"], turn["content"]) for turn in [*ASKED, REPLY])
    rows = [
        PromptRow("1", "What does this do?\n", "It lists."),
        TextRow("2", "Deletes the stack"),
        MessagesRow("3", turns),
    ]
    prompts = [Prompt(0, 0, "What does this do?\n"), Prompt(1, 1, "Deletes the stack")]
    prompts.append(Prompt(2, 2, turns[:2]))

    found = prompt_tokens(prompts, tokenizer_with_begin)

    trained = tokenize_rows(rows, tokenizer_with_begin, max_length=200)
    for number, ids in enumerate(found):
        start = trained.offsets[number]
        assert trained.input_ids[start : start + len(ids)].tolist() == ids
    in_loss = trained.in_loss[trained.offsets[0] :].tolist()
    assert in_loss.index(True) == len(found[0]), "all of the prompt and nothing of the completion"
    last = trained.in_loss[trained.offsets[2] :].tolist()
    assert last.index(True) == len(found[2])


def test_an_empty_prompt_is_named(tokenizer: Any) -> None:
    with pytest.raises(JobFailure, match="row 'r9' has an empty prompt"):
        prompt_tokens([Prompt(0, "r9", "")], tokenizer)
