"""Two executions side by side as one HTML page: no script, no network, all text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.comparison_text import signed, verdict_words
from orchestrator.results.comparison_top import changes_html, top_html
from orchestrator.results.curves import EVAL_LOSS, TRAIN_LOSS, curve
from orchestrator.results.figures import duration, number, plural
from orchestrator.results.page import (
    Column,
    Section,
    card,
    folded,
    legend,
    pill,
    render_page,
    table,
)
from orchestrator.results.plots import Scored, dots_svg
from orchestrator.results.report_facts import state_pill
from orchestrator.results.report_parts import written
from orchestrator.results.shown import shown_steps
from orchestrator.results.svg import Series, line_chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.results.comparison import Comparison, MetricChange, SampleChange, StepPair
    from orchestrator.results.metric_rows import MetricRow
    from orchestrator.results.model import Json, StepResult

MOST_SAMPLES = 12
_METRIC_COLUMNS = (
    Column("metric"), Column("verdict"), Column("A", "n"), Column("B", "n"), Column("B less A", "n")
)  # fmt: skip
_METRICS_LEAD = (
    "Beyond the interval: the intervals of A and B are apart. Within it, a difference may still be "
    "real, but these rows do not show it."
)


def render_comparison(comparison: Comparison) -> str:
    """Return the page."""
    sections = (
        Section("changes", "What went in", changes_html(comparison)),
        Section("metrics", "Metrics", _metrics(comparison), _METRICS_LEAD),
        Section("evaluation", "Evaluation", _evaluation(comparison.tasks)),
        Section("training", "Training", _training(comparison)),
        Section("samples", "What the models write", _samples(comparison)),
        Section("times", "Time per step", _times(comparison)),
    )
    before, after = comparison.before, comparison.after
    title = f"{after.pipeline_name}: {before.execution_id} and {after.execution_id}"
    footer = (
        f"A is execution <code>{escape(before.execution_id)}</code>, B is "
        f"<code>{escape(after.execution_id)}</code>. Written by fmo; everything shown is in this "
        "file."
    )
    return render_page(title, top_html(comparison), sections, footer)


def _metrics(comparison: Comparison) -> str:
    known = [one for one in comparison.metrics if one.is_headline]
    first = [one for one in known if one.verdict != "same"]
    same = len(known) - len(first)
    said = f'<p class="lead">{same} more are the same in both.</p>' if same else ""
    rows = [[f"{_name(one)}", *_metric(one)] for one in first]
    folds = "".join(
        _step_metrics(pair.name, [one for one in comparison.metrics if one.step == pair.name])
        for pair in comparison.steps
    )
    return card(table("Metrics that differ", _METRIC_COLUMNS, rows) + said) + card(
        folds, title="Every metric"
    )


def _step_metrics(step: str, metrics: Sequence[MetricChange]) -> str:
    if not metrics:
        return ""
    moved = sum(one.verdict != "same" for one in metrics)
    said = f"{plural(len(metrics), 'metric')}, {moved} differ" if moved else "all the same"
    rows = [[escape(one.name), *_metric(one)] for one in metrics]
    return folded(
        f'{escape(step)} <span class="lead">{said}</span>',
        table(f"Metrics of {step}", _METRIC_COLUMNS, rows),
    )


def _name(change: MetricChange) -> str:
    return f'{escape(change.name)}<span class="range">{escape(change.step)}</span>'


def _metric(change: MetricChange) -> list[str]:
    kind = change.verdict if change.is_beyond else "plain"
    return [
        pill(verdict_words(change), kind),
        _cell(change.before),
        _cell(change.after),
        signed(change.difference),
    ]


def _cell(row: MetricRow | None) -> str:
    if row is None:
        return "-"
    if row.low is None or row.high is None:
        return number(row.value)
    spread = f'<span class="range">{number(row.low)} to {number(row.high)}</span>'
    return f"{number(row.value)}{spread}"


def _evaluation(tasks: Sequence[MetricChange]) -> str:
    if not tasks:
        return ""
    plots = "".join(map(_task_plot, tasks))
    rows = [[_name(one), *_metric(one)] for one in tasks]
    numbers = folded("The same in numbers", table("Scores by task", _METRIC_COLUMNS, rows))
    return card(f'<div class="plots">{plots}</div>{numbers}')


def _task_plot(change: MetricChange) -> str:
    lines = [
        Scored(name, row.value, row.low, row.high, name.lower())
        for name, row in (("A", change.before), ("B", change.after))
        if row is not None
    ]
    kind = change.verdict if change.is_beyond else "plain"
    drawn = dots_svg(lines, title=f"{change.name} in A and B")
    return (
        f'<div class="plot"><h4>{escape(change.name)} {pill(verdict_words(change), kind)}</h4>'
        f"{drawn}</div>"
    )


def _training(comparison: Comparison) -> str:
    trained = [pair for pair in comparison.steps if any(_history(pair))]
    same = [pair.name for pair in trained if _history(pair)[0] == _history(pair)[1]]
    cards = "".join(_curves(pair) for pair in trained if pair.name not in same)
    told = f"<p>The same curves in both: {escape(', '.join(same))}.</p>" if same else ""
    return f'<div class="charts">{cards}</div>{told}' if cards else told


def _history(pair: StepPair) -> list[tuple[Mapping[str, Json], ...]]:
    return [step.history if step else () for step in (pair.before, pair.after)]


def _curves(pair: StepPair) -> str:
    series = [
        Series(f"{name} {words}", curve(step, names), f"{name.lower()} {kind}")
        for name, step in (("A", pair.before), ("B", pair.after))
        if step is not None
        for words, names, kind in (
            ("training loss", TRAIN_LOSS, "fine"),
            ("validation loss", EVAL_LOSS, "whole"),
        )
    ]
    chart = line_chart(series, title=f"Loss of {pair.name} in A and B", y_label="loss")
    words = [(one.kind, f"{one.name} {number(one.points[-1][1])}") for one in series if one.points]
    return card(chart + legend(words), title=pair.name) if chart else ""


def _samples(comparison: Comparison) -> str:
    shown = comparison.samples
    total = len(shown) + comparison.samples_alike
    if not total:
        return ""
    said = f"<p>{len(shown)} of {plural(total, 'prompt')} got another answer.</p>"
    cards = [_sample(one) for one in shown]
    more = folded(plural(len(cards[MOST_SAMPLES:]), "more sample"), "".join(cards[MOST_SAMPLES:]))
    return f'{said}<div class="samples">{"".join(cards[:MOST_SAMPLES])}</div>{more}'


def _sample(sample: SampleChange) -> str:
    answers = "".join(
        f"<div><dt>{label}</dt><dd>{written(text)}</dd></div>"
        for label, text in (
            ("expected", sample.expected), ("A", sample.before), ("B", sample.after),
        )
        if text is not None
    )  # fmt: skip
    return card(
        f"<h4>{escape(sample.task or sample.step)}</h4>{written(sample.prompt)}"
        f'<dl class="answers">{answers}</dl>',
        kind="sample",
    )


def _times(comparison: Comparison) -> str:
    columns = (
        Column("step"), Column("A", "n"), Column("state"), Column("B", "n"), Column("state"),
        Column("B less A", "n"),
    )  # fmt: skip
    wanted = {
        step.name
        for one in (comparison.before, comparison.after)
        for step in shown_steps(one.steps)
    }
    rows: Iterable[list[str]] = (
        [escape(pair.name), *_time(pair.before), *_time(pair.after), time_difference(pair)]
        for pair in comparison.steps
        if pair.name in wanted
    )
    return card(table("Time per step", columns, rows))


def _time(step: StepResult | None) -> list[str]:
    if step is None:
        return ["-", '<span class="lead">no such step</span>']
    return [duration(step.seconds), state_pill(step)]


def time_difference(pair: StepPair) -> str:
    """Return how much longer B took; empty unless the step ran in both."""
    sides = (pair.before, pair.after)
    seconds = [one.seconds for one in sides if one and one.seconds is not None and not one.cached]
    if len(seconds) < 2:
        return ""
    ahead = seconds[1] - seconds[0]
    return f"{'+' if ahead > 0 else '-'}{duration(abs(ahead))}" if abs(ahead) >= 0.05 else "0.0 s"
