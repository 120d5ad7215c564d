"""How answers look: side by side where there is room, else one after the other."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestrator.commands.chat_view import (
    OneByOne,
    SideBySide,
    answers_to_json,
    note_of,
    printable,
    view_of,
)
from orchestrator.local.conversation import Answer, Piece

BOTH = ("base", "model")
LONG = "Deletes the stack policy. " * 8


def console(width: int, *, is_terminal: bool = True) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=24, force_terminal=is_terminal, no_color=True,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip


def written(view_console: Console) -> str:
    assert isinstance(view_console.file, io.StringIO)
    return view_console.file.getvalue()


def answer(model: str, text: str, reason: str = "end", message: str = "") -> Answer:
    return Answer(model, text, len(text.split()), 0.1, reason, message)


@pytest.mark.parametrize(
    ("width", "is_terminal", "names", "kind"),
    [
        (60, True, BOTH, OneByOne),
        (99, True, BOTH, OneByOne),
        (100, True, BOTH, SideBySide),
        (200, False, BOTH, OneByOne),
        (200, True, ("model",), OneByOne),
    ],
)
def test_answers_stand_side_by_side_only_on_a_wide_terminal(
    width: int, names: tuple[str, ...], kind: type, *, is_terminal: bool
) -> None:
    view = view_of(console(width, is_terminal=is_terminal), names)
    assert type(view) is kind
    assert view.together is (kind is SideBySide)


def test_a_file_gets_plain_lines() -> None:
    target = console(60, is_terminal=False)
    events = [
        Piece("base", "\nOne"),
        Piece("base", " two"),
        answer("base", "\nOne two", "length"),
        answer("model", "", "end"),
    ]
    answers = OneByOne(target, named=True).show(events)
    assert written(target) == "base: One two [cut after 2 tokens]\nmodel: [no answer]\n"
    assert [one.model for one in answers] == ["base", "model"]


def test_a_model_alone_needs_no_name() -> None:
    target = console(60, is_terminal=False)
    OneByOne(target, named=False).show([Piece("model", "Yes."), answer("model", "Yes.")])
    assert written(target) == "Yes.\n"


@pytest.mark.parametrize("width", [100, 101, 180])
def test_columns_fit_the_terminal_and_hold_all_of_both_answers(width: int) -> None:
    target = console(width, is_terminal=False)
    texts = {"base": LONG, "model": "x" * 150}
    target.print(SideBySide(target, BOTH).columns(texts, {}, None))
    lines = written(target).splitlines()
    assert max(map(len, lines)) <= width
    left = " ".join(line[: width // 2].strip() for line in lines[1:])
    assert left.split() == LONG.split()
    assert "".join(lines).count("x") == 150


def test_an_answer_longer_than_the_screen_shows_its_end_while_it_grows() -> None:
    target = console(100, is_terminal=False)
    text = "\n".join(f"line {number}" for number in range(50))
    target.print(SideBySide(target, BOTH).columns({"base": text, "model": ""}, {}, 5))
    shown = [line.strip() for line in written(target).splitlines()]
    assert shown[1:] == [f"line {number}" for number in range(45, 50)]


def test_answers_side_by_side_come_back_in_the_order_of_their_columns() -> None:
    target = console(120)
    events = [
        Piece("model", "Yes."),
        Piece("base", "No."),
        answer("model", "Yes."),
        answer("base", "No."),
    ]
    answers = SideBySide(target, BOTH).show(events)
    assert [one.text for one in answers] == ["No.", "Yes."]
    assert "No." in written(target).splitlines()[-1]


def test_what_a_model_writes_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\r\nc\td") == "a\ufffd[2Jb\ufffd\nc\td"
    target = console(60, is_terminal=False)
    OneByOne(target, named=False).show([Piece("model", "\x1b]0;hi\x07"), answer("model", "x")])
    assert "\x1b" not in written(target)


@pytest.mark.parametrize(
    ("reason", "text", "note"),
    [
        ("end", "so", ""),
        ("end", " \n", "no answer"),
        ("length", "so it", "cut after 2 tokens"),
        ("interrupted", "so", "stopped"),
        ("refused", "", "not asked: it is long"),
    ],
)
def test_an_answer_that_is_not_whole_says_why(reason: str, text: str, note: str) -> None:
    assert note_of(answer("model", text, reason, "it is long.")) == note


def test_a_program_gets_the_answers_by_model() -> None:
    document = answers_to_json("Why?", [answer("base", "No."), answer("model", "So.")])
    assert document["prompt"] == "Why?"
    answers = document["answers"]
    assert isinstance(answers, dict)
    assert [answers[name]["text"] for name in BOTH] == ["No.", "So."]
