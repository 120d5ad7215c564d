"""Prompts from files and pipes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from orchestrator.commands.chat_prompts import read_prompts, typed_prompts
from orchestrator.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def file(folder: Path, content: bytes, name: str = "prompts.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_text_file_holds_one_prompt_a_line(tmp_path: Path) -> None:
    path = file(tmp_path, "\ufeffWhat?\r\n\n Why é?\n".encode())
    assert read_prompts(path) == ["What?", " Why é?"]


@pytest.mark.parametrize("name", ["prompts.jsonl", "prompts.txt"])
def test_json_lines_hold_a_prompt_each(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, b'{"prompt": "a\\nb", "id": 1}\n\n{"prompt": "c"}\n', name)
    assert read_prompts(path) == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n \n", "it holds no prompt"),
        (b"a\xff", "byte 1 is not UTF-8"),
        (b'{"prompt": "a"}\nb\n', "2: not JSON: 'b'"),
        (b'{"text": "a"}\n', r"1: the line has no text `prompt` \(found: text\)"),
        (b'{"prompt": "a"}\n[1]\n', r"2: .*found: list"),
        (b'{"prompt": " "}\n', "no text `prompt`"),
    ],
)
def test_a_file_without_prompts_is_explained(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read_prompts(file(tmp_path, content))
    assert "prompts.txt" in str(caught.value)


def test_every_bad_line_is_named_at_once(tmp_path: Path) -> None:
    path = file(tmp_path, b'{"prompt": "a"}\nb\n{"prompt": 1}\n')
    with pytest.raises(DataError) as caught:
        read_prompts(path)
    assert [problem.line for problem in caught.value.problems] == [2, 3]


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_prompts(tmp_path / "none.txt")
    with pytest.raises(DataError, match="it is a folder"):
        read_prompts(tmp_path)


def test_a_pipe_ends_the_chat_and_empty_lines_ask_nothing() -> None:
    assert list(typed_prompts(io.StringIO("a\n\n b \nc"), is_terminal=False)) == ["a", " b ", "c"]
