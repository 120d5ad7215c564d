"""Measure a model on sealed rows, beside its base model, the model in use and simple baselines.

    python launch.py evaluate.py --max_new_tokens=64

Channels: `model`, `data`, and where given `base_model`, `train_data`, `champion` (the model in
use), `champion_record` (which version that is, or that there is none yet), `retention`,
`harm_prompts`, `stereotype_pairs` and `harm_scorer`. Outputs: `metrics` (`metrics.json`, every
metric with the bounds of its interval; `table.json`) and `samples` (`samples.jsonl`,
`harm.jsonl`). The model is not copied: readers get the one that was examined.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training_scripts.container import current_job, fail
from training_scripts.evaluation.asking import Asked, Papers, ask_models, model_folders
from training_scripts.evaluation.champion import champion_metrics, read_champion
from training_scripts.evaluation.contamination import contamination
from training_scripts.evaluation.exam import ExamSettings, Paper
from training_scripts.evaluation.harm import (
    HarmAnswers,
    HarmPaper,
    harm_lines,
    harm_metrics,
    harm_paper,
    told,
)
from training_scripts.evaluation.harmful_text import PhraseScorer, load_classifier
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
from training_scripts.evaluation.retention import forgetting, retention_paper, verdict_on
from training_scripts.evaluation.reward_exam import examine_scorer
from training_scripts.evaluation.reward_model import load_scorer
from training_scripts.evaluation.scores import Measure, score
from training_scripts.loading import is_reward_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.evaluation.harmful_text import Scorer

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
    "champion_metrics": [],
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
    if is_reward_model(job.input("model")):
        examine_rewards(job, settings, exam, training)
        return
    closed = answer_sets(exam, training, settings["closed_tasks"])
    champion = read_champion(job)
    models = model_folders(job, champion)
    measure = Measure(checked_confidence(settings["confidence"]), settings["seed"])

    papers = Papers(
        Paper(exam, closed, exam_settings(settings)),
        retention_paper(job.input("retention"), settings) if job.has_input("retention") else None,
        harm_paper_of(job, settings),
    )
    answers = ask_models(models, papers)
    asked, before, rival = answers["model"], answers.get("base_model"), answers.get("champion")
    tuned, base = asked.exam, before.exam if before else None
    findings = Findings(
        model=score(exam, tuned, closed),
        base=score(exam, base, closed) if base else None,
        champion=score(exam, rival.exam, closed) if rival else None,
        baselines=score_baselines(exam, training, closed),
    )
    comparison = table(findings, measure) | ({"champion": champion} if champion else {})
    print(printed(comparison["rows"]), flush=True)
    write_json(job.output("metrics") / "table.json", comparison)
    chosen = samples(exam, tuned, base, settings["num_samples"])
    write_lines(job.output("samples") / "samples.jsonl", chosen)
    found = metrics(findings, measure)
    found |= leaks(exam, training)
    found |= champion_metrics(champion, settings["champion_metrics"])
    job.write_metrics(found | side_effects(job, papers, asked, before, measure))


def side_effects(
    job: Job, papers: Papers, asked: Asked, before: Asked | None, measure: Measure
) -> dict[str, float]:
    """Return what training broke, and which harm it added."""
    found: dict[str, float] = {}
    if papers.retention and asked.retention and before and before.retention:
        found |= forgetting(papers.retention, asked.retention, before.retention, measure)
        print(verdict_on(found), flush=True)
    if papers.harm and asked.harm:
        base = before.harm if before else None
        found |= measure_harm(job, papers.harm, asked.harm, base, measure)
    return found


def leaks(exam: list[Question], training: list[Question]) -> dict[str, float]:
    """Return how many rows of the exam stand in the training rows, whole or in long runs."""
    found: dict[str, float] = {"leaked_rows": leaked_rows(exam, training)}
    if training:
        shared = contamination(exam, training)
        found |= {"contaminated_rows": len(shared.rows), "contaminated_share": shared.share}
        if shared.rows:
            first = ", ".join(repr(exam[row].row.id) for row in shared.rows[:5])
            print(f"contamination: {len(shared.rows)} of {shared.asked} rows ({first}, ...)")
    return found


def harm_paper_of(job: Job, settings: Mapping[str, Any]) -> HarmPaper | None:
    """Return what is asked about harm; None where no channel asks it."""
    prompts, pairs = (
        job.input(name) if job.has_input(name) else None
        for name in ("harm_prompts", "stereotype_pairs")
    )
    return harm_paper(prompts, pairs, settings) if prompts or pairs else None


def measure_harm(
    job: Job, paper: HarmPaper, tuned: HarmAnswers, base: HarmAnswers | None, measure: Measure
) -> dict[str, float]:
    """Return the metrics of harm; what was written goes to `harm.jsonl` beside the samples."""
    scorer: Scorer = PhraseScorer()
    if job.has_input("harm_scorer"):
        scorer = load_classifier(job.input("harm_scorer"), batch_size=paper.batch_size)
    found = harm_metrics(tuned, base, scorer, measure)
    print("\n".join(told(found)), flush=True)
    lines = harm_lines(paper, tuned, base, scorer)
    write_lines(job.output("samples") / "harm.jsonl", lines)
    return found


def examine_rewards(
    job: Job, settings: Mapping[str, Any], exam: list[Question], training: list[Question]
) -> None:
    """Measure a reward model, which writes nothing, on pairs."""
    import torch

    if job.has_input("base_model"):
        fail("base_model: a reward model is measured alone. Remove `base_model`.")
    measure = Measure(checked_confidence(settings["confidence"]), settings["seed"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scorer = load_scorer(job.input("model"), "model", settings["max_length"], device)
    found = examine_scorer(scorer, exam, measure)
    for name in ("preference_accuracy", "reward_margin", "calibration_error"):
        print(f"{name}: {found[name]:.4f}")
    write_json(job.output("metrics") / "table.json", {"confidence": measure.confidence, "rows": []})
    write_lines(job.output("samples") / "samples.jsonl", [])
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
    length, answer, batch = (int(settings[name]) for name in names)
    return ExamSettings(length, answer, batch)


def checked_confidence(confidence: float) -> float:
    """Return `confidence`; JobFailure unless it lies between 0 and 1."""
    if not 0 < confidence < 1:
        fail(f"confidence: has to lie between 0 and 1, found {confidence}. Write 0.95.")
    return confidence


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write one JSON document."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write JSON Lines."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
