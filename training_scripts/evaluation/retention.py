"""What training broke: a model and its base on text and tasks that it was to keep.

Catastrophic forgetting is measured as the rise of the loss on rows that training was not about
(Luo et al. 2023, arXiv:2308.08747, measure it as the fall of scores on earlier tasks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_scripts.evaluation.exam import ExamSettings, Paper
from training_scripts.evaluation.questions import answer_sets, read_exam, sample_per_task
from training_scripts.evaluation.report import put
from training_scripts.evaluation.scores import score

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from training_scripts.evaluation.exam import Answers
    from training_scripts.evaluation.scores import Measure

LEVERS = (
    "Mix such rows into the training data, lower learning_rate or max_steps, lower lora_r, or "
    "take a method that leaves the weights alone (lora instead of full)."
)
"""What reduces forgetting, the surest first (docs/forgetting.md shows by how much)."""


def retention_paper(folder: Path, settings: Mapping[str, Any]) -> Paper:
    """Return the rows that a model was to keep, with how they are asked.

    Only losses and choices among known answers are taken: nothing is written. Longer rows are read
    up to `max_length`.

    Raises:
        JobFailure: If there are no rows.
    """
    questions = read_exam(folder, task_column=settings["task_column"], field="retention")
    questions = sample_per_task(questions, settings["max_rows_per_task"])
    how = ExamSettings(
        max_length=int(settings["max_length"]),
        max_new_tokens=0,
        batch_size=int(settings["per_device_eval_batch_size"]),
        truncate=True,
    )
    return Paper(questions, answer_sets(questions, [], None, field="retention"), how)


def forgetting(paper: Paper, tuned: Answers, base: Answers, measure: Measure) -> dict[str, float]:
    """Return the flat metrics of what was forgotten, each but counts with `.low` and `.high`.

    `forgetting.loss_delta` is the model's loss less its base's, in nats per token: above zero the
    model has forgotten. `forgetting.accuracy_delta` is the accuracy on closed tasks, the model's
    less its base's: below zero it has forgotten. A dot and a task's name may follow.
    `retention.` names what both were: `retention.loss`, `retention.base.loss`.
    """
    own = score(paper.questions, tuned, paper.answer_sets)
    other = score(paper.questions, base, paper.answer_sets)
    found: dict[str, float] = {"retention.rows": len(paper.questions)}
    for metric in [name for name in ("loss", "accuracy") if name in own]:
        named = {"": sorted(own[metric])} | {f".{task}": [task] for task in sorted(own[metric])}
        for suffix, tasks in named.items():
            pair = [[scores[metric][task] for task in tasks] for scores in (own, other)]
            put(found, f"retention.{metric}{suffix}", measure.estimate(pair[0]))
            put(found, f"retention.base.{metric}{suffix}", measure.estimate(pair[1]))
            put(found, f"forgetting.{metric}_delta{suffix}", measure.difference(*pair))
    return found


def verdict_on(found: Mapping[str, float]) -> str:
    """Return one line for the log: how much was forgotten, and what would help if it was."""
    delta = found["forgetting.loss_delta"]
    low, high = (found[f"forgetting.loss_delta.{end}"] for end in ("low", "high"))
    spread = f"{delta:+.4f} nats per token ({low:+.4f} to {high:+.4f})"
    rows = int(found["retention.rows"])
    if low > 0:
        return f"forgetting: the loss on {rows} retention rows changed by {spread}. {LEVERS}"
    said = "fell" if high < 0 else "did not rise beyond its interval"
    return f"forgetting: none seen; the loss on {rows} retention rows {said}: {spread}."
