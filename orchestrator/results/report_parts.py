"""The report's middle: when each step ran, loss curves, comparisons, and what the model wrote."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.curves import EVAL_LOSS, TRAIN_LOSS, curve
from orchestrator.results.evaluation import BASELINES, VERDICTS
from orchestrator.results.figures import clock, duration, number, plural, score, shortened
from orchestrator.results.page import Column, card, folded, legend, pill, table
from orchestrator.results.plots import Scored, dots_svg
from orchestrator.results.report_facts import as_text, state_of, state_word
from orchestrator.results.shown import shown_steps
from orchestrator.results.svg import Series, line_chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from orchestrator.results.evaluation import EvaluationRow, Score
    from orchestrator.results.model import ExecutionResult, Json, StepResult

ANSWERS: Mapping[str, str] = {"expected": "expected", "model": "tuned", "base model": "base"}
"""What is shown of a sample beside its prompt, and the member of `samples.jsonl` that holds it."""
SAMPLES_SHOWN = 6
"""The others are folded."""
MOST_CHARACTERS = 4_000
"""Of a prompt or an answer, so that the page stays small enough to mail."""
MORE_CURVES: Mapping[str, tuple[str, str]] = {
    "eval_accuracy": ("Token accuracy in validation", ""),
    "reward": ("Mean reward", ""),
    "kl": ("KL to the reference", "nats"),
    "completion_length": ("Length of completions", "tokens"),
    "learning_rate": ("Learning rate", ""),
    "grad_norm": ("Gradient norm", ""),
    "tokens_per_second": ("Speed", "tokens/s"),
}
"""Values of `trainer_log.jsonl` that have a curve of their own: title and unit."""
_TICKS_IN_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200)


def gantt_html(result: ExecutionResult) -> str:
    """Return when each step ran, as bars on one time axis."""
    shown = shown_steps(result.steps)
    ends = [step.ended_at for step in result.steps if step.ended_at]
    end = result.ended_at or max(ends, default=result.started_at)
    total = max((end - result.started_at).total_seconds(), 1e-3)
    rows = "".join(_gantt_row(step, result.started_at, total) for step in shown)
    return (
        '<table class="gantt"><caption class="unseen">When each step ran</caption>'
        '<colgroup><col class="name"><col><col class="time"></colgroup>'
        f"<tbody>{rows}{_time_axis(total)}</tbody></table>"
    )


def training_html(steps: Sequence[StepResult]) -> str:
    """Return the loss curves of each training step; empty if none trained."""
    cards = "".join(_training_card(step) for step in steps if step.history)
    return f'<div class="charts">{cards}</div>' if cards else ""


def evaluation_html(step: str, rows: Sequence[EvaluationRow], note: str = "") -> str:
    """Return the model beside its baselines: on one axis for each task, and in numbers."""
    plots = "".join(_evaluation_plot(row) for row in rows)
    return card(
        f"<p>{escape(f'{count_verdicts(rows)} {note}'.rstrip())}</p>"
        f'<div class="plots">{plots}</div>{_evaluation_table(step, rows)}'
        '<p class="lead">A dot is a score, its line the interval around it. A verdict ties where '
        "the interval of the difference to the strongest rival holds zero.</p>",
        title=step,
    )


def samples_html(step: StepResult) -> str:
    """Return what the model wrote for some prompts, beside what was expected."""
    cards = [_sample_card(sample) for sample in step.samples]
    more = folded(plural(len(cards[SAMPLES_SHOWN:]), "more sample"), "".join(cards[SAMPLES_SHOWN:]))
    hidden = more if len(cards) > SAMPLES_SHOWN else ""
    return f'<div class="samples">{"".join(cards[:SAMPLES_SHOWN])}</div>{hidden}'


def count_verdicts(rows: Sequence[EvaluationRow]) -> str:
    """Return in words how many comparisons the model wins, and which it loses to what."""
    compared = [row for row in rows if row.verdict]
    count = {word: sum(row.verdict == word for row in compared) for word in VERDICTS}
    said = (
        f"Of {plural(len(compared), 'comparison')} the model wins {count['wins']}, "
        f"ties {count['ties']} and loses {count['loses']}."
    )
    losses = ", ".join(
        f"{row.task} ({row.metric}) to {BASELINES[row.best_baseline[0]]}"
        for row in compared
        if row.verdict == "loses" and row.best_baseline
    )
    return f"{said} It loses {losses}." if losses else said


def verdict_pill(row: EvaluationRow) -> str:
    """Return `wins`, `ties with TF-IDF`, ... in its colour; empty where it stands alone."""
    verdict = row.verdict
    if verdict in {"loses", "ties"} and row.best_baseline:
        to = "to" if verdict == "loses" else "with"
        verdict = f"{verdict} {to} {BASELINES[row.best_baseline[0]]}"
    return pill(verdict, row.verdict) if verdict else ""


def score_cell(value: Score | None) -> str:
    """Return a score with its interval below it; `-` where there is none."""
    if value is None:
        return "-"
    if value.low is None or value.high is None:
        return score(value.value)
    spread = f'<span class="range">{score(value.low)} to {score(value.high)}</span>'
    return f"{score(value.value)}{spread}"


def written(text: str) -> str:
    """Return what a model read or wrote, without the blanks around it, and cut if very long."""
    shown = shortened(text.strip(), MOST_CHARACTERS)
    return f"<pre>{escape(shown)}</pre>" if shown else '<p class="lead">nothing but blanks</p>'


def _gantt_row(step: StepResult, begun: datetime, total: float) -> str:
    drawn = ""
    if step.started_at is not None and step.seconds is not None:
        left = (step.started_at - begun).total_seconds() / total * 100
        left = min(max(left, 0), 99.5)
        width = min(step.seconds / total * 100, 100 - left)
        drawn = f'<i style="left:{left:.2f}%;width:{width:.2f}%"></i>'
    time = "cached" if step.cached else duration(step.seconds)
    if step.seconds is None:
        time = state_word(step)
    return (
        f'<tr class="{escape(state_of(step))}"><th scope="row" title="{escape(step.name)}">'
        f'<span>{escape(step.name)}</span></th><td class="track"><div>{drawn}</div></td>'
        f'<td class="time">{escape(time)}</td></tr>'
    )


def _time_axis(total: float) -> str:
    every = next((one for one in _TICKS_IN_SECONDS if total / one <= 4), 86_400)
    marks = "".join(
        f'<span style="left:{at / total * 100:.2f}%">{clock(at)}</span>'
        for at in range(0, int(total * 0.97) + 1, every)
    )
    return f'<tr class="axis" aria-hidden="true"><th></th><td><div>{marks}</div></td><td></td></tr>'


def _training_card(step: StepResult) -> str:
    series = [
        Series("training loss", curve(step, TRAIN_LOSS), "train"),
        Series("validation loss", curve(step, EVAL_LOSS), "eval"),
    ]
    chart = line_chart(series, title=f"Loss of {step.name}", y_label="loss")
    if not chart:
        return ""
    words = [(one.kind, f"{one.name} {number(one.points[-1][1])}") for one in series if one.points]
    steps = int(max(point[0] for one in series for point in one.points))
    about = f"{plural(steps, 'step')} in {duration(step.seconds)}"
    if step.cached:
        about = f"{plural(steps, 'step')}, from the cache"
    return card(
        f'<p class="lead">{about}</p>{chart}{legend(words)}'
        + folded("More curves", "".join(_more_curves(step))),
        title=step.name,
    )


def _more_curves(step: StepResult) -> Iterable[str]:
    for name, (title, unit) in MORE_CURVES.items():
        series = [Series(title, curve(step, (name,)), "train")]
        chart = line_chart(series, title=f"{title} of {step.name}", y_label=unit)
        if chart:
            yield f"<h4>{escape(title)}</h4>{chart}"


def _evaluation_plot(row: EvaluationRow) -> str:
    lines = [_scored("model", row.model, "model")]
    lines += [
        _scored(BASELINES[name], one, "base" if name == "base" else "")
        for name, one in row.baselines.items()
    ]
    better = ", lower is better" if row.lower_is_better else ""
    title = f"{row.task}: {row.metric} of the model and its rivals"
    return (
        f'<div class="plot"><h4>{escape(row.task)} {verdict_pill(row)}</h4>'
        f'<p class="lead">{escape(row.metric)}{better}, {plural(row.rows, "row")}</p>'
        f"{dots_svg(lines, title=title)}</div>"
    )


def _scored(name: str, one: Score, kind: str) -> Scored:
    return Scored(name, one.value, one.low, one.high, kind)


def _evaluation_table(step: str, rows: Sequence[EvaluationRow]) -> str:
    shown = [name for name in BASELINES if any(name in row.baselines for row in rows)]
    columns = (
        Column("task"), Column("model", "n"), *(Column(BASELINES[name], "n") for name in shown),
        Column("verdict"),
    )  # fmt: skip
    cells = [
        [
            f"{escape(row.task)}"
            f'<span class="range">{escape(row.metric)}, {plural(row.rows, "row")}</span>',
            _strong(row.model, row),
            *(_strong(row.baselines.get(name), row) for name in shown),
            verdict_pill(row),
        ]
        for row in rows
    ]
    return folded("The same in numbers", table(f"Scores of {step}", columns, cells))


def _strong(value: Score | None, row: EvaluationRow) -> str:
    scores = [row.model.value, *(one.value for one in row.baselines.values())]
    best = min(scores) if row.lower_is_better else max(scores)
    cell = score_cell(value)
    return f'<span class="best">{cell}</span>' if value and value.value == best else cell


def _sample_card(sample: Mapping[str, Json]) -> str:
    task = sample.get("task")
    title = f"<h4>{escape(str(task))}</h4>" if task else ""
    prompt = sample.get("prompt")
    asked = written(as_text(prompt)) if prompt is not None else ""
    answers = "".join(
        f"<div><dt>{label}{_matches(sample, member)}</dt><dd>{written(as_text(found))}</dd></div>"
        for label, member in ANSWERS.items()
        if (found := sample.get(member)) is not None
    )
    return card(f'{title}{asked}<dl class="answers">{answers}</dl>', kind="sample")


def _matches(sample: Mapping[str, Json], member: str) -> str:
    expected, found = sample.get("expected"), sample.get(member)
    if member == "expected" or not isinstance(expected, str) or not isinstance(found, str):
        return ""
    return f" {pill('as expected', 'held')}" if found.strip() == expected.strip() else ""
