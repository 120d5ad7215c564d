"""`data/rows.py`: rows survive the file, and a file that is not of rows is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.rows import (
    Message,
    MessagesRow,
    PromptRow,
    TextRow,
    has_split,
    read_rows,
    read_split,
    write_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    PromptRow("a", "Q\n", "A\u2028\n", "qa", {"lang": "en"}),
    MessagesRow("b", (Message("user", "Hi"), Message("assistant", "é"))),
    TextRow("c", "words", None, {"n": 1}),
]


def test_rows_survive_the_file(tmp_path: Path) -> None:
    assert write_rows(tmp_path / "new" / "train.jsonl", ROWS) == 3
    assert list(read_split(tmp_path / "new", "train")) == ROWS
    assert list(read_rows(tmp_path / "new")) == ROWS
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["train.jsonl"]


def test_an_empty_or_missing_split_is_told_from_one_with_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "train.jsonl", ROWS)
    write_rows(tmp_path / "validation.jsonl", [])
    found = {name: has_split(tmp_path, name) for name in ("train", "validation", "test")}
    assert found == {"train": True, "validation": False, "test": False}


def test_a_missing_split_is_named_beside_what_is_there(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", ROWS)
    with pytest.raises(JobFailure, match=r"train\.jsonl: the file is missing \(found: rows\.jsonl"):
        read_split(tmp_path, "train")
    with pytest.raises(JobFailure, match=r"there are no rows \(no \*\.jsonl\)"):
        list(read_rows(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nonsense", r"train\.jsonl:2: not a JSON object \("),
        ("[1]", r"train\.jsonl:2: neither prompt and completion, nor messages, nor text"),
        ('{"prompt": "x"}', r"train\.jsonl:2: neither prompt and completion"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str, text: str) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "x"}\n' + line + "\n")
    with pytest.raises(JobFailure, match=text):
        list(read_split(tmp_path, "train"))
