"""The X-ray on narrow terminals, without colour, without UTF-8, and with hostile tokens."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from orchestrator.commands.mask_view import is_well, parts


def token(text: str, *, trained: bool) -> dict[str, Any]:
    return {"id": 7, "text": text, "trained": trained}


def row(tokens: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    trained = sum(one["trained"] for one in tokens)
    return {
        "place": "a.jsonl:1",
        "error": None,
        "tokens": tokens,
        "trained": trained,
        "length": len(tokens),
        "end_token": {"id": 0, "text": "<end>", "state": "trained"},
        "serving": {"tokens": 2, "equal": True},
        **more,
    }


def document(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "prompt_template": "plain",
        "max_length": 64,
        "truncate": False,
        "rows": list(rows),
        **more,
    }


def shown(found: dict[str, Any], width: int = 60, encoding: str = "utf-8", **options: Any) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, highlight=False, markup=False, **options)
    for part in parts(found, console):
        console.print(part, soft_wrap=True)
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(encoding)


ASKED = [token(" What", trained=False), token("?\n", trained=False)]
ANSWER = [token("So", trained=True), token("<end>", trained=True)]


def test_trained_and_masked_tokens_can_be_told_apart_without_colour() -> None:
    lines = shown(document(row(ASKED + ANSWER))).splitlines()
    assert lines[:5] == [
        "a.jsonl:1: 4 tokens, 2 trained (50%), 2 masked",
        "masked   │ What│?\\n│",
        "trained  │So│<end>│",
        "end token <end>: trained",
        "serving: the prompt is the same 2 tokens",
    ]


def test_a_terminal_sees_them_in_colour() -> None:
    text = shown(document(row(ASKED + ANSWER)), force_terminal=True, color_system="standard")
    assert "\x1b[1;32mSo" in text
    assert "\x1b[2m What" in text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_line_of_tokens_fits_a_narrow_terminal(encoding: str) -> None:
    words = [token(f" {'wörd'[: n % 5]}{n}", trained=True) for n in range(40)]
    words += [token("日本語" * 30, trained=True), token(" " * 70, trained=True)]
    lines = shown(document(row(words)), width=60, encoding=encoding).splitlines()
    tokens = [line for line in lines if line.startswith(("trained ", " "))]
    assert len(tokens) > 6
    assert max(map(cell_len, tokens)) <= 60
    said = "".join(line[9:].strip("|\u2502") for line in tokens)
    assert said.count("語") == (30 if encoding == "utf-8" else 0)
    assert ("\\u8a9e" in said) == (encoding == "ascii")


def test_a_token_cannot_steer_the_terminal() -> None:
    hostile = [token("\x1b[31m\u202e\u200b\t", trained=True)]
    text = shown(document(row(hostile)))
    assert "\\x1b[31m\\u202e\\u200b\\t" in text
    assert "\x1b" not in text


def test_where_serving_differs_both_sides_are_shown() -> None:
    serving = {
        "tokens": 2, "equal": False, "differs_at": 1,
        "training": [{"id": 3, "text": "So"}], "serving": [],
    }  # fmt: skip
    found = document(row(ASKED + ANSWER, serving=serving))
    text = shown(found)
    assert "serving: token 2 of the prompt is another one" in text
    assert "training │So (3)│" in text
    assert "serving  │(ends)│" in text
    assert "* a.jsonl:1: serving begins with other tokens than training." in text
    assert not is_well(found)


def test_a_row_without_a_trained_token_is_complained_of() -> None:
    end = {"id": 0, "text": "<end>", "state": "missing"}
    found = document(row(ASKED, length=90, end_token=end), truncate=True)
    text = shown(found)
    assert "0 trained (0%)" in text
    assert "end token <end>: cut off, so the model does not learn to stop" in text
    assert "cut from 90 to 64 tokens (max_length)" in text
    assert "* a.jsonl:1: no token is trained." in text
    assert not is_well(found)


def test_a_row_that_is_too_long_says_what_to_write() -> None:
    found = document(row(ASKED + ANSWER, length=90))
    assert "Write `max_length: 90` or `truncate: true`." in shown(found)
    assert is_well(found)


def test_a_row_that_training_refuses_says_why() -> None:
    refused = {"place": "a:1", "error": "row '1': no", "tokens": [], "trained": 0, "length": 0}
    found = document(refused)
    assert "a:1: training refuses this row\nrow '1': no" in shown(found)
    assert not is_well(found)
