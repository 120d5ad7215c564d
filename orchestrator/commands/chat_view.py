"""Answers on a terminal or in a file: side by side where there is room, else one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestrator.local.conversation import Answer
from orchestrator.results.figures import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from orchestrator.local.conversation import Piece
    from orchestrator.results.model import Json

WIDE = 100
"""Columns from which two answers stand side by side."""
_GAP = 2
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class View(Protocol):
    """Shows the answers to one prompt while they grow."""

    together: bool
    """Whether the models should write at the same time."""

    def show(self, events: Iterable[Piece | Answer]) -> list[Answer]:
        """Show all of them; return the whole answers."""


def view_of(console: Console, names: Sequence[str]) -> View:
    """Return how answers fit `console`: a file or a narrow terminal gets one after the other."""
    if console.is_terminal and console.width >= WIDE and len(names) > 1:
        return SideBySide(console, names)
    return OneByOne(console, named=len(names) > 1)


def printable(text: str) -> str:
    """Return text that cannot steer a terminal, whatever a model wrote."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n"))


class OneByOne:
    """Each answer under the one before, written as it comes."""

    together = False

    def __init__(self, console: Console, *, named: bool) -> None:
        self._console = console
        self._named = named

    def show(self, events: Iterable[Piece | Answer]) -> list[Answer]:
        """Write every piece at once; return the whole answers."""
        answers, has_begun = [], False
        for event in events:
            if not has_begun and self._named:
                self._write(Text(f"{event.model}: ", style="bold cyan"))
            if isinstance(event, Answer):
                answers.append(event)
                note = note_of(event)
                separator = " " if event.text.strip() else ""
                self._write(Text(f"{separator}[{note}]\n" if note else "\n", style="dim"))
            else:
                # A model that begins with an empty line would leave its name alone.
                text = event.text if has_begun else event.text.lstrip()
                self._write(Text(printable(text)))
            has_begun = not isinstance(event, Answer)
        return answers

    def _write(self, text: Text) -> None:
        self._console.print(text, end="", soft_wrap=True)


class SideBySide:
    """One column a model, drawn anew as the answers grow."""

    together = True

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._names = names

    def show(self, events: Iterable[Piece | Answer]) -> list[Answer]:
        """Draw the answers while they grow, and once more whole."""
        texts = dict.fromkeys(self._names, "")
        answers: dict[str, Answer] = {}
        with Live(
            console=self._console,
            transient=True,
            auto_refresh=False,
            vertical_overflow="crop",
        ) as live:
            for event in events:
                if isinstance(event, Answer):
                    answers[event.model] = event
                else:
                    texts[event.model] += event.text
                live.update(self.columns(texts, answers, self._console.height - 4), refresh=True)
        texts = {name: answer.text for name, answer in answers.items()}
        self._console.print(self.columns(texts, answers, None))
        return [answers[name] for name in self._names]

    def columns(
        self, texts: dict[str, str], answers: dict[str, Answer], most_lines: int | None
    ) -> Table:
        """Return the answers as columns of equal width; of longer ones the last `most_lines`."""
        table = Table(box=None, padding=(0, _GAP, 0, 0), width=self._console.width)
        width = self._console.width // len(self._names) - _GAP
        cells = []
        for name in self._names:
            table.add_column(name, header_style="bold cyan", width=width, overflow="fold")
            text = Text(printable(texts.get(name, "")).strip())
            note = note_of(answers[name]) if name in answers else ""
            text.append(f" [{note}]" if note else "", style="dim")
            lines = text.wrap(self._console, width, overflow="fold")
            shown = lines if most_lines is None else lines[-most_lines:]
            cells.append(Text("\n").join(shown))
        table.add_row(*cells)
        return table


def note_of(answer: Answer) -> str:
    """Return why an answer is not all that the model had to say; empty if it is."""
    match answer.reason:
        case "length":
            return f"cut after {plural(answer.tokens, 'token')}"
        case "refused":
            return f"not asked: {answer.message.rstrip('.')}"
        case "interrupted":
            return "stopped"
        case _:
            return "" if answer.text.strip() else "no answer"


def answers_to_json(prompt: str, answers: Iterable[Answer]) -> dict[str, Json]:
    """Return the answers to one prompt as a program reads them."""
    found: dict[str, Json] = {}
    for answer in answers:
        found[answer.model] = {
            "text": answer.text,
            "tokens": answer.tokens,
            "seconds": round(answer.seconds, 3),
            "reason": answer.reason,
            "message": answer.message,
        }
    return {"prompt": prompt, "answers": found}
