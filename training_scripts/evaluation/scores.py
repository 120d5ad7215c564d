"""Answers into numbers: one list of scores per metric and task, and estimates from them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training_scripts.evaluation.intervals import Estimate, ratio_interval
from training_scripts.evaluation.rouge import rouge_l

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from training_scripts.evaluation.exam import Answers
    from training_scripts.evaluation.questions import Question


@dataclass
class Series:
    """One metric on the rows of one task."""

    scores: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    """1 a row, save for the loss: the tokens of its completion."""

    def add(self, score: float, weight: float = 1.0) -> None:
        """Add one row."""
        self.scores.append(score)
        self.weights.append(weight)


Scores = dict[str, dict[str, Series]]
"""Metric (`accuracy`, `exact_match`, `rouge_l`, `loss`, ...) to task to its rows."""


@dataclass(frozen=True)
class Measure:
    """How sure to be, and by which draws."""

    confidence: float
    seed: int

    def estimate(self, series: Sequence[Series]) -> Estimate:
        """Return the metric over the rows of all `series`."""
        scores = [score for one in series for score in one.scores]
        weights = [weight for one in series for weight in one.weights]
        return ratio_interval(scores, weights, confidence=self.confidence, seed=self.seed)

    def difference(self, first: Sequence[Series], second: Sequence[Series]) -> Estimate:
        """Return the paired difference `first - second` on the same rows."""
        series = [
            Series([a - b for a, b in zip(one.scores, other.scores, strict=True)], one.weights)
            for one, other in zip(first, second, strict=True)
        ]
        return self.estimate(series)


def score(
    questions: Sequence[Question], answers: Answers, closed_tasks: Mapping[str, object]
) -> Scores:
    """Return the scores of one model.

    Closed tasks get `accuracy`, open ones `rouge_l`, both `exact_match`; every row has a `loss`.
    Preferences get `preference_accuracy`, whether the chosen answer is likelier per token than the
    rejected, and `preference_accuracy_sum`, whether it is as a whole, which favours short ones.
    """
    scores: Scores = defaultdict(lambda: defaultdict(Series))
    for question, loss, chosen, written, rejected in zip(
        questions, answers.losses, answers.chosen, answers.written, answers.rejected, strict=True
    ):
        task = question.task
        scores["loss"][task].add(loss.nats, float(loss.tokens))
        if chosen is not None:
            scores["accuracy"][task].add(float(chosen == question.expected))
        if written is not None:
            same = normalized(written) == normalized(question.expected)
            scores["exact_match"][task].add(float(same))
            if task not in closed_tasks:
                scores["rouge_l"][task].add(rouge_l(question.expected, written))
        if rejected is not None:
            by_token = loss.nats / loss.tokens < rejected.nats / rejected.tokens
            scores["preference_accuracy"][task].add(float(by_token))
            scores["preference_accuracy_sum"][task].add(float(loss.nats < rejected.nats))
    return {metric: dict(tasks) for metric, tasks in scores.items()}


def normalized(text: str) -> str:
    """Return `text` with white space collapsed; letters keep their case."""
    return " ".join(text.split())


def estimates(scores: Scores, measure: Measure) -> Iterator[tuple[str, Estimate]]:
    """Yield `METRIC` over all tasks and `METRIC.TASK` for each; `perplexity` follows `loss`."""
    for metric, tasks in sorted(scores.items()):
        named = {metric: list(tasks.values())}
        named |= {f"{metric}.{task}": [series] for task, series in sorted(tasks.items())}
        for name, series in named.items():
            found = measure.estimate(series)
            yield name, found
            if metric == "loss":
                yield name.replace("loss", "perplexity", 1), exponential(found)


def exponential(loss: Estimate) -> Estimate:
    """Return the perplexity of a loss in nats per token; at most e to the 80th."""
    return Estimate(*(math.exp(min(value, 80)) for value in (loss.value, loss.low, loss.high)))
