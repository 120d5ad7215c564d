"""What needs no language model: the answer most often right, a look-up, a linear classifier."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Protocol

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Baseline(Protocol):
    """Answers to prompts."""

    def __call__(self, prompts: Sequence[str], /) -> list[str]:
        """Return one answer a prompt."""


def majority(prompts: Sequence[str], answers: Sequence[str]) -> Baseline:
    """Return a baseline that always gives the most frequent of `answers`."""
    del prompts
    answer = _most_frequent(answers)
    return lambda asked: [answer] * len(asked)


def first_word(prompts: Sequence[str], answers: Sequence[str]) -> Baseline:
    """Return a look-up by the first word that tells the prompts apart.

    What all prompts begin with is the template's; a word never seen gets the majority's answer.
    """
    skipped = template_length(prompts)
    seen: dict[str, list[str]] = defaultdict(list)
    for prompt, answer in zip(prompts, answers, strict=True):
        seen[_first(prompt, skipped)].append(answer)
    known = {word: _most_frequent(found) for word, found in seen.items()}
    otherwise = _most_frequent(answers)
    return lambda asked: [known.get(_first(prompt, skipped), otherwise) for prompt in asked]


def tfidf(prompts: Sequence[str], answers: Sequence[str]) -> Baseline:
    """Return TF-IDF of words and word pairs with logistic regression, fitted on the rows given."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ImportError:
        fail("scikit-learn is not installed here. pip install 'fm-orchestrator[train]'")
    if len(set(answers)) == 1:
        return majority(prompts, answers)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORDS, sublinear_tf=True),
        LogisticRegression(C=REGULARIZATION, max_iter=1_000),
    )
    model.fit(list(prompts), list(answers))
    return lambda asked: [str(answer) for answer in model.predict(list(asked))]


_WORDS = r"\w+"
REGULARIZATION = 10.0
"""Inverse strength; the best of 1, 3, 10, 30 on the questions of `pipelines/aws_docs`."""

BASELINES: dict[str, Callable[[Sequence[str], Sequence[str]], Baseline]] = {
    "majority": majority,
    "first_word": first_word,
    "tfidf": tfidf,
}
"""By the name they have in metrics: fitted on training prompts and their answers."""


def template_length(prompts: Sequence[str]) -> int:
    """Return how many characters, in whole words, all `prompts` begin with."""
    # What two texts share, all between them in sort order share too.
    first, last = min(prompts), max(prompts)
    ends = 0
    for at, (letter, other) in enumerate(zip(first, last, strict=False)):
        if letter != other:
            break
        ends = at + 1 if letter.isspace() else ends
    return ends


def _first(prompt: str, skipped: int) -> str:
    remaining = prompt[skipped:].split(maxsplit=1)
    return remaining[0] if remaining else ""


def _most_frequent(answers: Sequence[str]) -> str:
    # Ties go to the smallest answer, so that row order does not matter.
    return min(Counter(answers).items(), key=lambda item: (-item[1], item[0]))[0]
