"""The champion, which is the model in use: whether there is one, and whether the two differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training_scripts.evaluation.intervals import mcnemar_p_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from training_scripts.container import Job
    from training_scripts.evaluation.scores import Scores

BINARY = ("accuracy", "exact_match", "preference_accuracy", "preference_accuracy_sum")
"""Metrics whose score of a row is 0 or 1."""


def read_champion(job: Job) -> dict[str, Any] | None:
    """Return which version the champion is; None where the spec names no champion.

    `found` is False while no version is approved, which is no failure: there is a first time.
    """
    if not job.has_input("champion"):
        return None
    champion: dict[str, Any] = {"found": True, "name": "champion"}
    if job.has_input("champion_record"):
        path = job.input("champion_record") / "approved.json"
        champion = json.loads(path.read_text(encoding="utf-8"))
    missing = f"no version of {champion['name']} is approved yet; nothing to compare with"
    print(f"champion: {champion['name'] if champion['found'] else missing}", flush=True)
    return champion


def champion_metrics(champion: Mapping[str, Any] | None, gated: Sequence[str]) -> dict[str, float]:
    """Return whether there is a champion, and which.

    Without one, the metrics that gates read are 0: Std:JsonGet fails on a name that is missing,
    while the gate itself opens because `champion.found` is 0.
    """
    if champion is None:
        return {}
    found = {} if champion["found"] else dict.fromkeys(gated, 0.0)
    version = {"champion.version": champion["version"]} if "version" in champion else {}
    return {**found, "champion.found": int(champion["found"]), **version}


def mcnemar_tests(first: Scores, second: Scores) -> Iterator[tuple[str, float]]:
    """Yield the exact p value of each metric that is right or wrong on a row, and of each task."""
    for metric in BINARY:
        tasks = sorted(first.get(metric, {}))
        pairs = [(first[metric][task].scores, second[metric][task].scores) for task in tasks]
        if pairs:
            whole = [[score for one in side for score in one] for side in zip(*pairs, strict=True)]
            yield metric, mcnemar_p_value(*whole)
        for task, (one, other) in zip(tasks, pairs, strict=True):
            yield f"{metric}.{task}", mcnemar_p_value(one, other)
