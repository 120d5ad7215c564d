"""Scores into what leaves the job: flat metrics, the table of the report, samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.evaluation.baselines import BASELINES
from training_scripts.evaluation.champion import mcnemar_tests
from training_scripts.evaluation.scores import Scores, Series, estimates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training_scripts.evaluation.exam import Answers
    from training_scripts.evaluation.intervals import Estimate
    from training_scripts.evaluation.questions import Question
    from training_scripts.evaluation.scores import Measure

HEADLINES = {
    "preference": "preference_accuracy",
    "closed": "accuracy",
    "open": "rouge_l",
    "text": "loss",
}
"""Kind of task to the metric that the table shows of it; the first that was measured."""


@dataclass(frozen=True)
class Findings:
    """The scores of everything that answered the same questions."""

    model: Scores
    base: Scores | None
    baselines: Mapping[str, Scores]
    """Baseline to its scores; only tasks that it could be fitted on."""
    champion: Scores | None = None
    """Of the model in use; None without one, or while no version is approved."""

    @property
    def rivals(self) -> dict[str, Scores]:
        """The models it is compared with row by row, by how their differences are named."""
        named = {"": self.base, "champion.": self.champion}
        return {prefix: scores for prefix, scores in named.items() if scores is not None}


def score_baselines(
    exam: Sequence[Question], training: Sequence[Question], closed_tasks: Mapping[str, object]
) -> dict[str, Scores]:
    """Return the accuracy of each baseline, fitted on the training rows of each closed task."""
    found: dict[str, Scores] = {name: {"accuracy": {}} for name in BASELINES}
    for task in sorted(closed_tasks):
        seen = [question for question in training if question.task == task]
        asked = [question for question in exam if question.task == task]
        if not seen:
            print(f"baselines: train_data has no rows of task {task!r}; none is fitted on it")
            continue
        for name, fit in BASELINES.items():
            answer = fit([q.prompt for q in seen], [q.expected for q in seen])
            series = found[name]["accuracy"][task] = Series()
            answers = answer([question.prompt for question in asked])
            for question, given in zip(asked, answers, strict=True):
                series.add(float(given == question.expected))
    return {name: scores for name, scores in found.items() if scores["accuracy"]}


def metrics(findings: Findings, measure: Measure) -> dict[str, float]:
    """Return the flat metrics, each with `.low` and `.high`.

    `METRIC` and `METRIC.TASK` are the model's, `base.` those of its base, `difference.` the model
    less its base on the same rows, `baseline.NAME.` those of the simple baselines. `champion.` and
    `champion.difference.` are the same of the champion, `champion.p_value.` of McNemar's test.
    """
    found: dict[str, float] = {}
    loss = findings.model["loss"]
    found["rows"] = sum(len(series.scores) for series in loss.values())
    found |= {f"rows.{task}": len(series.scores) for task, series in sorted(loss.items())}
    named = {"": findings.model}
    if findings.base is not None:
        named["base."] = findings.base
    if findings.champion is not None:
        named["champion."] = findings.champion
    named |= {f"baseline.{name}.": scores for name, scores in findings.baselines.items()}
    for prefix, scores in named.items():
        for name, estimate in estimates(scores, measure):
            put(found, f"{prefix}{name}", estimate)
    for prefix, rival in findings.rivals.items():
        for name, estimate in _differences(findings.model, rival, measure):
            put(found, f"{prefix}difference.{name}", estimate)
    tests = mcnemar_tests(findings.model, findings.champion) if findings.champion else ()
    return found | {f"champion.p_value.{name}": value for name, value in tests}


def table(findings: Findings, measure: Measure) -> dict[str, Any]:
    """Return `table.json`: one row a task, the model beside everything it is compared with."""
    rows = [
        _table_row(task, _kind(task, findings.model), findings, measure)
        for task in sorted(findings.model["loss"])
    ]
    return {"confidence": measure.confidence, "rows": rows}


def verdict(difference: Estimate, *, lower_is_better: bool = False) -> str:
    """Return `wins`, `loses`, or `ties` where the interval of the difference holds zero."""
    low, high = difference.low, difference.high
    if lower_is_better:
        low, high = -high, -low
    return "wins" if low > 0 else "loses" if high < 0 else "ties"


def samples(
    exam: Sequence[Question], model: Answers, base: Answers | None, count: int
) -> list[dict[str, Any]]:
    """Return up to `count` questions with what was written, by turns from each task."""
    by_task: dict[str, list[int]] = {}
    for row, question in enumerate(exam):
        if model.written[row] is not None:
            by_task.setdefault(question.task, []).append(row)
    turns = sorted((turn, task) for task, rows in by_task.items() for turn in range(len(rows)))
    chosen = [by_task[task][turn] for turn, task in turns[:count]]
    return [
        {
            "task": exam[row].task,
            "prompt": exam[row].prompt,
            "expected": exam[row].expected.strip(),
            "base": base.written[row] if base else None,
            "tuned": model.written[row],
        }
        for row in chosen
    ]


def printed(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table's rows as text for the log."""
    shows_champion = any("champion" in row for row in rows)
    columns = ("model", "base", *(["champion"] if shows_champion else []), *BASELINES)
    width = max(10, *(len(row["metric"]) + 2 for row in rows))
    lines = [f"{'task':<16}{'metric':<{width}}{'rows':>6}" + "".join(f"{c:>12}" for c in columns)]
    for row in rows:
        scores = (f"{row[c]['value']:.3f}" if row.get(c) else "-" for c in columns)
        line = f"{row['task']:<16}{row['metric']:<{width}}{row['rows']:>6}"
        outcome = f"  {row['verdict']} against {row['against']}" if row.get("against") else ""
        lines.append(line + "".join(f"{s:>12}" for s in scores) + outcome)
    return "\n".join(lines)


def put(found: dict[str, float], name: str, estimate: Estimate) -> None:
    """Add a metric and the bounds of its interval to `found`."""
    found[name] = estimate.value
    found[f"{name}.low"], found[f"{name}.high"] = estimate.low, estimate.high


def _kind(task: str, scores: Scores) -> str:
    return next(
        (kind for kind, metric in HEADLINES.items() if task in scores.get(metric, {})), "text"
    )


def _table_row(task: str, kind: str, findings: Findings, measure: Measure) -> dict[str, Any]:
    metric = HEADLINES[kind]
    lower_is_better = metric == "loss"
    own = findings.model[metric][task]
    others = {"base": findings.base or {}, "champion": findings.champion or {}}
    others |= findings.baselines
    rivals = {
        name: scores[metric][task]
        for name, scores in others.items()
        if task in scores.get(metric, {})
    }
    row: dict[str, Any] = {
        "task": task,
        "kind": kind,
        "metric": metric,
        "lower_is_better": lower_is_better,
        "rows": len(own.scores),
        "model": asdict(measure.estimate([own])),
    }
    row |= {name: asdict(measure.estimate([series])) for name, series in rivals.items()}
    if rivals:
        best = (min if lower_is_better else max)(rivals, key=lambda name: row[name]["value"])
        difference = measure.difference([own], [rivals[best]])
        row["against"] = best
        row["difference"] = asdict(difference)
        row["verdict"] = verdict(difference, lower_is_better=lower_is_better)
    return row


def _differences(model: Scores, base: Scores, measure: Measure) -> list[tuple[str, Estimate]]:
    found = []
    for metric, tasks in sorted(model.items()):
        others = base[metric]
        pairs = [(tasks[task], others[task]) for task in sorted(tasks)]
        found.append((metric, measure.difference(*map(list, zip(*pairs, strict=True)))))
        found += [
            (f"{metric}.{task}", measure.difference([tasks[task]], [others[task]]))
            for task in sorted(tasks)
        ]
    return found
