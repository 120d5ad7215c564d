"""Several models, asked the same papers one after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail, log_progress
from training_scripts.evaluation.exam import batch_count, sit_exam
from training_scripts.evaluation.harm import sit_harm
from training_scripts.evaluation.language_model import check_model_folder, has_adapter, load_model
from training_scripts.loading import load_errors, why_not_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.evaluation.exam import Answers, Paper
    from training_scripts.evaluation.harm import HarmAnswers, HarmPaper
    from training_scripts.evaluation.language_model import LanguageModel


@dataclass(frozen=True)
class Papers:
    """What each model is asked."""

    exam: Paper
    retention: Paper | None = None
    harm: HarmPaper | None = None

    @property
    def batch_count(self) -> int:
        """Batches that one model takes."""
        exams = [paper for paper in (self.exam, self.retention) if paper]
        return sum(map(batch_count, exams)) + (self.harm.batch_count if self.harm else 0)


@dataclass(frozen=True)
class Asked:
    """What one model made of it."""

    exam: Answers
    retention: Answers | None = None
    harm: HarmAnswers | None = None


def model_folders(job: Job, champion: Mapping[str, Any] | None) -> dict[str, Path]:
    """Return the folders of the models to ask, each checked before the first is loaded."""
    folders = {"model": job.input("model")}
    if champion and champion["found"]:
        folders["champion"] = job.input("champion")
    adapters = [folder for folder in folders.values() if has_adapter(folder)]
    if job.has_input("base_model"):
        folders["base_model"] = job.input("base_model")
    for folder in folders.values():
        if folder not in adapters:
            check_model_folder(folder)
    return folders


def ask_models(folders: Mapping[str, Path], papers: Papers) -> dict[str, Asked]:
    """Return the answers of each model, one model in memory at a time.

    The champion sits the exam only.
    """
    of_champion = Papers(papers.exam)
    wanted = {name: of_champion if name == "champion" else papers for name in folders}
    on_batch = progress(sum(one.batch_count for one in wanted.values()))
    answers = {}
    for name, folder in folders.items():
        try:
            model = load_model(folder, base=folders.get("base_model"))
        except load_errors() as error:
            fail(f"{name}: {why_not_loaded(error)}. Pass a causal language model, whole.")
        answers[name] = _asked(model, wanted[name], on_batch)
        del model
    return answers


def progress(total: int) -> Callable[[int], None]:
    """Return what to call after each of `total` batches with its tokens: it prints progress."""
    started = time.perf_counter()
    done = tokens = 0

    def on_batch(batch_tokens: int) -> None:
        nonlocal done, tokens
        done, tokens = done + 1, tokens + batch_tokens
        if done % max(1, total // 40) and done != total:
            return
        seconds = time.perf_counter() - started
        log_progress(
            done,
            total,
            tokens_per_second=tokens / max(seconds, 1e-9),
            seconds_left=seconds / done * (total - done),
        )

    return on_batch


def _asked(model: LanguageModel, papers: Papers, on_batch: Callable[[int], None]) -> Asked:
    return Asked(
        sit_exam(model, papers.exam, on_batch),
        sit_exam(model, papers.retention, on_batch) if papers.retention else None,
        sit_harm(model, papers.harm, on_batch) if papers.harm else None,
    )
