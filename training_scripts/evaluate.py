"""Measure a model on sealed rows, beside its base model and simple baselines.

    python launch.py evaluate.py --max_new_tokens=64

Channels: `model`, `data`, and where given `base_model` and `train_data`. Outputs: `metrics`
(`metrics.json`, every metric with the bounds of its interval; `table.json`) and `samples`
(`samples.jsonl`). The model is not copied: readers get the one that was examined.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from training_scripts.container import current_job, fail, log_progress
from training_scripts.evaluation.exam import Answers, ExamSettings, batch_count, sit_exam
from training_scripts.evaluation.language_model import check_model_folder, has_adapter, load_model
from training_scripts.evaluation.questions import (
    Question,
    answer_sets,
    leaked_rows,
    read_exam,
    read_training,
    sample_per_task,
)
from training_scripts.evaluation.report import (
    Findings,
    metrics,
    printed,
    samples,
    score_baselines,
    table,
)
from training_scripts.evaluation.scores import Measure, score
from training_scripts.loading import load_errors, why_not_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from training_scripts.container import Job

DEFAULTS: dict[str, Any] = {
    "task_column": "task",
    "closed_tasks": None,
    "max_new_tokens": 64,
    "max_length": 1024,
    "per_device_eval_batch_size": 16,
    "max_rows_per_task": None,
    "num_samples": 12,
    "confidence": 0.95,
    "seed": 42,
}
"""For a run by hand; the spec's defaults arrive with every job."""


def main() -> None:
    """Examine the model of this process's job."""
    examine(current_job())


def examine(job: Job) -> None:
    """Sit the exam and write what came out."""
    settings = DEFAULTS | job.settings
    if job.smoke:
        rows = max(1, job.smoke.rows // 10)
        settings = job.smoke.capped(settings, max_rows_per_task=rows, max_new_tokens=16)
    print("settings " + json.dumps({name: settings[name] for name in DEFAULTS}), flush=True)
    exam, training = read_questions(job, settings)
    closed = answer_sets(exam, training, settings["closed_tasks"])
    models = model_folders(job)
    measure = Measure(checked_confidence(settings["confidence"]), settings["seed"])

    answers = ask_models(models, exam, closed, exam_settings(settings))
    tuned, base = answers["model"], answers.get("base_model")
    findings = Findings(
        model=score(exam, tuned, closed),
        base=score(exam, base, closed) if base else None,
        baselines=score_baselines(exam, training, closed),
    )
    comparison = table(findings, measure)
    print(printed(comparison["rows"]), flush=True)
    write_json(job.output("metrics") / "table.json", comparison)
    chosen = samples(exam, tuned, base, settings["num_samples"])
    write_lines(job.output("samples") / "samples.jsonl", chosen)
    found = metrics(findings, measure)
    found["leaked_rows"] = leaked_rows(exam, training)
    job.write_metrics(found)


def read_questions(job: Job, settings: Mapping[str, Any]) -> tuple[list[Question], list[Question]]:
    """Return the exam's questions and the training rows (none without that channel)."""
    column = settings["task_column"]
    exam = read_exam(job.input("data"), task_column=column)
    exam = sample_per_task(exam, settings["max_rows_per_task"])
    has_training = job.has_input("train_data")
    training = read_training(job.input("train_data"), task_column=column) if has_training else []
    tasks = sorted({question.task for question in exam})
    print(f"exam: {len(exam)} rows, tasks {', '.join(tasks)}; {len(training)} training rows")
    return exam, training


def exam_settings(settings: Mapping[str, Any]) -> ExamSettings:
    """Return how the models are asked; JobFailure if a number is below 1."""
    names = ("max_length", "max_new_tokens", "per_device_eval_batch_size")
    for name in names:
        if settings[name] < 1:
            fail(f"{name}: has to be at least 1, found {settings[name]}.")
    return ExamSettings(*(int(settings[name]) for name in names))


def checked_confidence(confidence: float) -> float:
    """Return `confidence`; JobFailure unless it lies between 0 and 1."""
    if not 0 < confidence < 1:
        fail(f"confidence: has to lie between 0 and 1, found {confidence}. Write 0.95.")
    return confidence


def model_folders(job: Job) -> dict[str, Path]:
    """Return the folders of the models to ask, each checked before the first is loaded."""
    folders = {"model": job.input("model")}
    if job.has_input("base_model"):
        folders["base_model"] = job.input("base_model")
        check_model_folder(folders["base_model"])
    if not has_adapter(folders["model"]):
        check_model_folder(folders["model"])
    return folders


def ask_models(
    folders: Mapping[str, Path],
    exam: list[Question],
    closed: Mapping[str, tuple[str, ...]],
    settings: ExamSettings,
) -> dict[str, Answers]:
    """Return the answers of each model, one model in memory at a time."""
    batches = batch_count(exam, closed, settings.batch_size) * len(folders)
    on_batch = progress(batches)
    answers = {}
    for name, folder in folders.items():
        try:
            model = load_model(folder, base=folders.get("base_model"))
        except load_errors() as error:
            fail(f"{name}: {why_not_loaded(error)}. Pass a causal language model, whole.")
        answers[name] = sit_exam(model, exam, closed, settings, on_batch)
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


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write one JSON document."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write JSON Lines."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
