"""The exam of a reward model: does it score what people chose above what they rejected?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from training_scripts.container import fail
from training_scripts.evaluation.scores import Series, estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training_scripts.evaluation.questions import Question
    from training_scripts.evaluation.reward_model import Scorer
    from training_scripts.evaluation.scores import Measure, Scores

_BINS = 10


def examine_scorer(
    scorer: Scorer, questions: Sequence[Question], measure: Measure
) -> dict[str, float]:
    """Return the flat metrics of a reward model on sealed pairs.

    `preference_accuracy` and `reward_margin` have bounds and a value per task. The margin claims
    how likely the chosen answer is preferred; `brier` and `calibration_error` (arXiv:1706.04599)
    say how wrong that claim is. `margin_length_correlation` says whether longer answers win.

    Raises:
        JobFailure: If a row is no preference.
    """
    found = _margins(scorer, questions)
    claimed = 1 / (1 + np.exp(-np.clip(found, -60, 60)))
    scores: Scores = {"preference_accuracy": {}, "reward_margin": {}, "brier": {}}
    for question, margin, sure in zip(questions, found, claimed, strict=True):
        values = {
            "preference_accuracy": float(margin > 0),
            "reward_margin": float(margin),
            "brier": float((1 - sure) ** 2),
        }
        for name, value in values.items():
            scores[name].setdefault(question.task, Series()).add(value)
    told: dict[str, float] = {"rows": len(questions)}
    for name, estimate in estimates(scores, measure):
        told |= {
            name: estimate.value,
            f"{name}.low": estimate.low,
            f"{name}.high": estimate.high,
        }
    told["calibration_error"] = calibration_error(found)
    longer = [_characters(q.row) - _characters(q.rejected) for q in questions]
    told["margin_length_correlation"] = _correlation(found, np.asarray(longer, dtype=float))
    return told


def calibration_error(margins: Sequence[float]) -> float:
    """Return the expected calibration error of what `margins` claim, over ten bins.

    A margin claims that one answer is preferred with probability sigmoid(|margin|), and is right
    if it is above 0.
    """
    claimed = [1 / (1 + math.exp(-min(abs(margin), 60))) for margin in margins]
    bins = [min(int((sure - 0.5) * 2 * _BINS), _BINS - 1) for sure in claimed]
    error = 0.0
    for one in set(bins):
        rows = [row for row, own in enumerate(bins) if own == one]
        right = sum(margins[row] > 0 for row in rows) / len(rows)
        error += len(rows) * abs(sum(claimed[row] for row in rows) / len(rows) - right)
    return error / len(margins)


def _margins(scorer: Scorer, questions: Sequence[Question]) -> list[float]:
    chosen, rejected = [], []
    for question in questions:
        if question.rejected is None:
            fail(
                f"data: row {question.row.id!r} has no rejected answer, and a reward model is "
                "examined on pairs. Give rows of format preference."
            )
        chosen.append(question.row)
        rejected.append(question.rejected)
    ours, theirs = scorer(chosen), scorer(rejected)  # type: ignore[arg-type]
    return [one - other for one, other in zip(ours, theirs, strict=True)]


def _characters(row: object) -> int:
    completion = getattr(row, "completion", None)
    if isinstance(completion, str):
        return len(completion)
    return sum(len(message.content) for message in getattr(row, "messages", ()))


def _correlation(margins: Sequence[float], lengths: np.ndarray) -> float:
    values = np.asarray(margins)
    if values.std() < 1e-12 or lengths.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(values, lengths)[0, 1])
