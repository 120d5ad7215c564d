"""`fmo data check`, as a process, over files of every kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cli.conftest import Fmo


def write(path: Path, *rows: Any) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def rows_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_document_says_what_is_in_the_rows(fmo: Fmo) -> None:
    found = fmo("data", "check", "tickets.jsonl", "--json").document
    assert found["format"] == "prompt-completion"
    assert found["columns"] == {"prompt": "question", "completion": "answer"}
    assert found["rows"] == 5
    assert found["characters"]["max"] == 66
    assert found["empty"] == {"rows": 1, "first": ["tickets.jsonl:5"]}
    assert found["duplicates"]["exact"] == 1
    assert found["personal_data"]["email"]["first"] == ["tickets.jsonl:3"]
    assert found["language_guess"] == {"en": 1.0}


def test_every_row_that_cannot_be_used_is_named_with_its_line(fmo: Fmo) -> None:
    text = '{"text": "fine"}\nnot json\n{"txt": "no"}\n'
    (fmo.folder / "bad.jsonl").write_text(text)
    done = fmo("data", "check", "bad.jsonl")
    assert done.code == 2
    assert "FMO130 bad.jsonl:2: not valid JSON" in done.stderr
    assert "FMO130 bad.jsonl:3: no column 'text'" in done.stderr
    assert "1 row, format text" in done.stdout


def test_a_file_that_is_not_there_is_an_error_of_data(fmo: Fmo) -> None:
    done = fmo("data", "check", "nope.jsonl")
    assert done.code == 2
    assert "nope.jsonl: there is no such file or folder. Check the path." in done.stderr


def test_a_folder_without_columns_of_a_format_names_the_columns_found(fmo: Fmo) -> None:
    (fmo.folder / "rows").mkdir()
    write(fmo.folder / "rows" / "a.jsonl", {"colour": "red"})
    done = fmo("data", "check", "rows")
    assert done.code == 2
    assert "a.jsonl:1: the columns colour are of no format known" in done.stderr


def test_sharegpt_becomes_messages_and_keeps_its_other_columns(fmo: Fmo) -> None:
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    write(fmo.folder / "s.jsonl", {"conversations": turns, "id": "7", "source": {"deep": [1]}})
    assert fmo("data", "check", "s.jsonl", "--fix", "m.jsonl").code == 0
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert rows_of(fmo.folder / "m.jsonl") == [
        {"messages": said, "id": "7", "source": {"deep": [1]}}
    ]


def test_preferences_are_known_and_written_with_their_prompt_apart(fmo: Fmo) -> None:
    same = {"role": "user", "content": "Hi"}
    yes, no = ({"role": "assistant", "content": text} for text in ("Hello", "Go away"))
    write(
        fmo.folder / "p.jsonl",
        {"chosen": [same, yes], "rejected": [same, no], "score": 2},
        {"chosen": [same, yes], "rejected": [same, yes]},
    )
    found = fmo("data", "check", "p.jsonl", "--json", "--fix", "out.jsonl").document
    assert found["format"] == "preference"
    assert found["ties"] == {"rows": 1, "first": ["p.jsonl:2"]}
    assert any("drop_ties: true" in line for line in found["suggestions"])
    assert rows_of(fmo.folder / "out.jsonl")[0] == {
        "prompt": [same],
        "chosen": [yes],
        "rejected": [no],
        "score": 2,
    }


def test_a_prompt_of_preferences_is_found_under_another_name(fmo: Fmo) -> None:
    write(fmo.folder / "p.jsonl", {"question": "Why?", "chosen": "So.", "rejected": "No."})
    found = fmo("data", "check", "p.jsonl", "--json").document
    assert found["columns"] == {"prompt": "question"}


def test_alpaca_becomes_prompts_and_completions(fmo: Fmo) -> None:
    write(fmo.folder / "a.jsonl", {"instruction": "Add", "input": "", "output": "2", "n": 1})
    done = fmo("data", "check", "a.jsonl", "--fix", "p.jsonl", "--json")
    assert done.document["written"] == {"format": "prompt-completion", "rows": 1}
    assert rows_of(fmo.folder / "p.jsonl") == [{"prompt": "Add", "completion": "2", "n": 1}]


@pytest.mark.parametrize(
    ("row", "target", "reason"),
    [
        (
            {"instruction": "Add", "input": "1 1", "output": "2"},
            "messages",
            "it has an input beside the instruction",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "b"},
                ]
                * 2
            },
            "prompt-completion",
            "a conversation of user, assistant, user, assistant is more than",
        ),
        (
            {"messages": [{"role": "assistant", "content": "b", "name": "Jo"}]},
            "messages",
            "turn 1 has 'name' too",
        ),
        ({"text": "x"}, "messages", "format text cannot become messages: text has no prompts"),
        (
            {"prompt": "p", "chosen": "a", "rejected": "b"},
            "messages",
            "format preference cannot become messages: a row has two answers",
        ),
        (
            {"prompt": "p", "completion": "a"},
            "preference",
            "format prompt-completion cannot become preference: a row has one answer",
        ),
    ],
)
def test_nothing_is_written_where_something_would_be_lost(
    fmo: Fmo, row: dict[str, Any], target: str, reason: str
) -> None:
    write(fmo.folder / "rows.jsonl", row)
    done = fmo("data", "check", "rows.jsonl", "--fix", "out.jsonl", "--to", target)
    assert done.code == 2
    assert f"rows.jsonl:1: {reason}" in done.stderr
    assert sorted(path.name for path in fmo.folder.glob("*out.jsonl*")) == []


def test_a_file_that_is_there_is_not_written_over(fmo: Fmo) -> None:
    done = fmo("data", "check", "tickets.jsonl", "--fix", "tickets.jsonl")
    assert done.code == 2
    assert "is there already" in done.stderr
    assert len(rows_of(fmo.folder / "tickets.jsonl")) == 5


def test_half_an_emoji_and_all_other_characters_survive_the_way(fmo: Fmo) -> None:
    given = [{"prompt": "\ud83d", "completion": "é\u2028"}, {"prompt": "日本", "completion": "x"}]
    write(fmo.folder / "rows.jsonl", *given)
    done = fmo("data", "check", "rows.jsonl", "--fix", "out.jsonl")
    assert done.code == 0, done.stderr
    lines = (fmo.folder / "out.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines if line] == given


def test_csv_becomes_json_lines_under_our_names(fmo: Fmo) -> None:
    (fmo.folder / "rows.csv").write_text("Question,Answer,id\nWhy?,So.,1\n", encoding="utf-8")
    assert fmo("data", "check", "rows.csv", "--fix", "out.jsonl").code == 0
    assert rows_of(fmo.folder / "out.jsonl") == [{"prompt": "Why?", "completion": "So.", "id": "1"}]
