"""Whether a model may have seen its exam: long runs of words that exam and training share.

A question is contaminated if it shares a run of 13 words with a training row, as in the analysis
of GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C); runs that stand in more than ten
training rows are wording, not content, and are skipped as there.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training_scripts.data.rows import TextRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training_scripts.evaluation.questions import Question

RUN = 13
"""Words in a row that are too many for chance."""
MOST_ROWS = 10
"""Training rows in which a run may stand before it counts as wording."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Contamination:
    """What exam and training share."""

    rows: tuple[int, ...]
    """Numbers of the contaminated questions."""
    asked: int
    """Questions with at least `RUN` words; shorter ones cannot be judged."""

    @property
    def share(self) -> float:
        """Of the questions that can be judged; 0 if there are none."""
        return len(self.rows) / self.asked if self.asked else 0.0


def contamination(exam: Sequence[Question], training: Iterable[Question]) -> Contamination:
    """Return which questions share a run of words with training rows.

    Memory grows with the exam and not with `training`, which is read once.
    """
    wanted: dict[bytes, set[int]] = {}
    asked = 0
    for number, question in enumerate(exam):
        runs = set(_runs(_text(question)))
        asked += bool(runs)
        for run in runs:
            wanted.setdefault(run, set()).add(number)
    seen = dict.fromkeys(wanted, 0)
    for question in training:
        for run in set(_runs(_text(question))) & seen.keys():
            seen[run] += 1
    rows = {
        number for run, count in seen.items() if 0 < count <= MOST_ROWS for number in wanted[run]
    }
    return Contamination(tuple(sorted(rows)), asked)


def _text(question: Question) -> str:
    if isinstance(question.row, TextRow):
        return question.row.text
    return f"{question.prompt} {question.expected}"


def _runs(text: str) -> Iterator[bytes]:
    words = _WORD.findall(text.lower())
    for start in range(len(words) - RUN + 1):
        run = " ".join(words[start : start + RUN])
        yield hashlib.blake2b(run.encode(), digest_size=8).digest()
