"""ROUGE-L: how much of the expected text, in order, the generated text has.

Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1, with beta = 1;
tokenized like Google's `rouge-score` without stemming, whose values it reproduces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = re.compile(r"[a-z0-9]+")


def rouge_l(expected: str, found: str) -> float:
    """Return the F-measure of the longest common subsequence of words, 0 to 1."""
    expected_words, found_words = words(expected), words(found)
    common = longest_common_subsequence(expected_words, found_words)
    if common == 0:
        return 0.0
    precision, recall = common / len(found_words), common / len(expected_words)
    return 2 * precision * recall / (precision + recall)


def words(text: str) -> list[str]:
    """Return the lower-case runs of letters a-z and digits in `text`."""
    return _WORD.findall(text.lower())


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest sequence that both hold in order, gaps allowed."""
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, other in enumerate(second, start=1):
            above = lengths[column]
            lengths[column] = diagonal + 1 if word == other else max(above, lengths[column - 1])
            diagonal = above
    return lengths[-1]
