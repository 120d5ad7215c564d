"""One pass over data that says what is in it; memory stays the same for any number of rows."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training_scripts.checking import personal
from training_scripts.checking.language import guess_language
from training_scripts.checking.lengths import Lengths
from training_scripts.checking.repeats import Repeats
from training_scripts.container import JobFailure
from training_scripts.data.cleaning import clean, is_empty, is_tie
from training_scripts.data.templates import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from training_scripts.data.formats import Sample
    from training_scripts.data.rows import Row

_PLACES = 3
_GUESSED_FIRST = 2_000
_GUESSED_EACH = 100
"""After the first rows, the language of every 100th is guessed."""


@dataclass
class Places:
    """How many rows something is true of, and where the first few are."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """Count the row at `place`."""
        self.count += 1
        if len(self.first) < _PLACES:
            self.first.append(place)

    def to_json(self) -> dict[str, Any]:
        """Return both."""
        return {"rows": self.count, "first": self.first}


@dataclass(frozen=True)
class Measured:
    """A tokenizer, and the length above which a row would be cut."""

    tokenizer: Any
    max_length: int


class Survey:
    """What was seen so far."""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self.characters, self.words, self.tokens = Lengths(), Lengths(), Lengths()
        self.empty, self.ties, self.too_long = Places(), Places(), Places()
        self.languages: Counter[str] = Counter()
        self.personal = {kind: Places() for kind in personal.KINDS}
        self.repeats = Repeats(folder)
        self.not_measured = ""
        """Why tokens could not be counted."""

    def read(self, rows: Iterable[tuple[str, Sample]], measured: Measured | None = None) -> None:
        """Take note of all rows, each with the place it stands at."""
        noted = self._noted(rows)
        if measured is not None:
            try:
                self._measure(noted, measured)
            except JobFailure as failure:
                self.not_measured = str(failure)
        for _ in noted:
            pass

    def _noted(self, rows: Iterable[tuple[str, Sample]]) -> Iterator[tuple[str, Sample]]:
        for place, read in rows:
            sample = clean(read)
            self._note(place, sample)
            if not is_empty(sample):
                yield place, sample

    def _note(self, place: str, sample: Sample) -> None:
        text = sample.content()
        self.characters.add(len(text))
        self.words.add(len(text.split()))
        self.repeats.add(sample)
        if is_empty(sample):
            self.empty.add(place)
        elif is_tie(sample):
            self.ties.add(place)
        for kind in sorted(set(personal.found_in(f"{sample.system}\n{text}"))):
            self.personal[kind].add(place)
        if self.rows < _GUESSED_FIRST or self.rows % _GUESSED_EACH == 0:
            self.languages[guess_language(text)] += 1
        self.rows += 1

    def _measure(self, noted: Iterator[tuple[str, Sample]], measured: Measured) -> None:
        # Needs numpy, which the base install goes without.
        from training_scripts.data.tokenize import token_counts

        places: deque[str] = deque()

        def worded() -> Iterator[Row]:
            for place, sample in noted:
                places.append(place)
                yield render(sample, "plain")

        for count in token_counts(worded(), measured.tokenizer):
            place = places.popleft()
            self.tokens.add(count)
            if count > measured.max_length:
                self.too_long.add(place)
