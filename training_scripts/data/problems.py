"""What is wrong with the data, gathered over the whole reading and told at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 5


@dataclass
class Problems:
    """Rows that cannot be used: how many, and the first few with file and line."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    shown: int = _SHOWN
    """How many of them are kept."""

    def add(self, place: str, what: str) -> None:
        """Count a row that cannot be used; `what` says why and what to write instead."""
        self.count += 1
        if len(self.first) < self.shown:
            self.first.append(f"{place}: {what}")

    def fail_if_any(self) -> None:
        """Raise JobFailure that names the first problems and their number, if there are any."""
        if not self.count:
            return
        more = self.count - len(self.first)
        tail = [f"... and {more:,} more rows that cannot be used."] if more else []
        fail("\n".join([*self.first, *tail]))


def shown(value: object) -> str:
    """Return a JSON value in words: `null`, `a list`, `the text 'x'`, `3`."""
    match value:
        case dict():
            return f"an object with {', '.join(map(str, value)) or 'nothing'}"
        case list():
            return "a list" if value else "an empty list"
        case str():
            return f"the text '{value if len(value) <= 40 else value[:37] + '...'}'"
        case _:
            return json.dumps(value, default=str)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the closest of `known`, or nothing."""
    close = get_close_matches(word.lower(), {name.lower(): name for name in known}, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
