"""What a notebook shows, as HTML: an execution as it runs, how it ended, a step, a pipeline.

Every piece brings its style and needs nothing else. All text is escaped.
"""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from orchestrator.results.evaluation import BASELINES, evaluation_rows
from orchestrator.results.figures import clock, duration, number, plural, score
from orchestrator.results.notes import step_note
from orchestrator.results.shown import shown_steps
from orchestrator.results.svg import Series, graph_svg, line_chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.errors import Problem
    from orchestrator.results.board import Row
    from orchestrator.results.evaluation import EvaluationRow, Score
    from orchestrator.results.model import ExecutionResult, Json, StepResult
    from orchestrator.results.progress import Points, Progress

MOST_ANSWERS = 6
"""Shown of a step's samples."""
ANSWERS: Mapping[str, str] = {
    "prompt": "prompt",
    "expected": "expected",
    "tuned": "model",
    "base": "base model",
}
"""Members of `samples.jsonl` to their headings."""
LOSSES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "train": ("training loss", ("train/loss", "loss")),
    "eval": ("validation loss", ("eval/loss", "eval_loss")),
}
"""Class of a line to its name, and the members of the history that hold it."""


def execution_html(result: ExecutionResult) -> str:
    """Return how an execution went: its graph, and a line for each step."""
    return _framed(_top(result), _failure(result), _graph(result.steps), _steps_table(result.steps))


def summary_html(result: ExecutionResult) -> str:
    """Return how an execution went, with loss curves, evaluation and answers side by side."""
    details = (_details(step, heading=True) for step in result.steps)
    return _framed(_top(result), _failure(result), _graph(result.steps), *details)


def progress_html(progress: Progress) -> str:
    """Return an execution as it runs: its graph, and what trains with loss and time left."""
    result = progress.result
    if result is None:
        return _framed('<p class="soft">starting</p>')
    rows = (row for row in progress.board.rows.values() if row.status == "Executing")
    running = (_running(row, progress.losses.get(row.name, ())) for row in rows)
    return _framed(_top(result), _graph(result.steps, is_over=False), *running)


def step_html(step: StepResult) -> str:
    """Return how one step went: loss curve, evaluation and answers, or else its metrics."""
    details = _details(step, heading=False)
    if not details and step.metrics:
        cells = ([_cell(name), _cell(number(value), "n")] for name, value in step.metrics.items())
        details = _table(("metric", "value"), cells, numbers={"value"})
    reason = f"<pre>{escape(step.failure_reason)}</pre>" if step.failure_reason else ""
    state = _state("Cached" if step.cached else step.status)
    top = f"<b>{escape(step.name)}</b>{state}<span>{duration(step.seconds)}</span>"
    return _framed(f'<div class="top">{top}</div>', reason, details)


def pipeline_html(name: str, steps: Sequence[StepResult]) -> str:
    """Return a pipeline that has not run: its steps as a graph, whose types are their kinds."""
    top = f"<b>{escape(name)}</b><span>{plural(len(steps), 'step')}</span>"
    return _framed(f'<div class="top">{top}</div>', _graph(steps, is_over=False))


def problems_html(title: str, problems: Iterable[Problem]) -> str:
    """Return problems one below the other."""
    return lines_html(title, map(str, problems))


def lines_html(title: str, texts: Iterable[str]) -> str:
    """Return texts one below the other."""
    told = "".join(f"<pre>{escape(text)}</pre>" for text in texts)
    return _framed(f'<div class="top"><b>{escape(title)}</b></div>', told)


def _framed(*parts: str) -> str:
    style = resources.files("orchestrator.results").joinpath("cell.css").read_text("utf-8")
    return f'<div class="fmo"><style>{style}</style>{"".join(parts)}</div>'


def _top(result: ExecutionResult) -> str:
    took = f"<span>{duration(result.seconds)}</span>" if result.seconds is not None else ""
    return (
        f'<div class="top"><b>{escape(result.pipeline_name)}</b>{_state(result.status)}{took}'
        f'<code class="soft">{escape(result.execution_id)}</code></div>'
    )


def _state(status: str) -> str:
    word = {"NotStarted": "not reached"}.get(status, status.lower())
    return f'<span class="state {escape(status)}">{escape(word)}</span>'


def _failure(result: ExecutionResult) -> str:
    """Return why the execution failed, and where the logs of the failed steps are."""
    told = []
    for step in result.steps:
        if step.status == "Failed":
            told.append(f"{step.name}: {step.failure_reason or 'failed'}")
            told += [f"log: {step.log}"] if step.log else []
    if not told and result.status in {"Failed", "Stopped"} and result.failure_reason:
        told.append(result.failure_reason)
    return f"<pre>{escape(chr(10).join(told))}</pre>" if told else ""


def _graph(steps: Sequence[StepResult], *, is_over: bool = True) -> str:
    drawn = graph_svg(shown_steps(steps))
    if not is_over:
        # The drawing speaks of the past; here such a step is still to come. No name has a blank.
        drawn = drawn.replace("not reached", "waiting")
    return f'<div class="wide">{drawn}</div>'


def _steps_table(steps: Sequence[StepResult]) -> str:
    shown = shown_steps(steps)
    cells = (
        [
            _cell(step.name),
            f"<td>{_state('Cached' if step.cached else step.status)}</td>",
            _cell(duration(step.seconds), "n"),
            _cell("" if step.status == "Failed" else step_note(step), "text"),
        ]
        for step in shown
    )
    return _table(("step", "status", "time", "result"), cells, numbers={"time"})


def _running(row: Row, points: Points) -> str:
    parts = []
    if row.total:
        parts.append(f'<progress value="{row.current}" max="{row.total}"></progress>')
        parts.append(f"{row.current:,} of {row.total:,}")
    elif row.current:
        parts.append(f"{row.current:,}")
    if row.loss is not None:
        parts.append(f"loss {number(row.loss)}")
    if row.tokens_per_second is not None:
        parts.append(f"{number(round(row.tokens_per_second))} tokens/s")
    if row.seconds_left is not None:
        parts.append(f"{clock(row.seconds_left)} left")
    if not parts:
        return ""
    chart = line_chart([Series("training loss", points, "train")], title=f"Loss of {row.name}")
    return f"<h4>{escape(row.name)}</h4><div>{' &nbsp; '.join(parts)}</div>{chart}"


def _details(step: StepResult, *, heading: bool) -> str:
    parts = (_losses(step), _evaluation(evaluation_rows(step.table)), _answers(step.samples))
    body = "".join(parts)
    return f"<h4>{escape(step.name)}</h4>{body}" if body and heading else body


def _losses(step: StepResult) -> str:
    series = [
        Series(name, _points(step.history, members), kind)
        for kind, (name, members) in LOSSES.items()
    ]
    chart = line_chart(series, title=f"Loss of {step.name}")
    legend = "".join(
        f'<span><i class="key {one.kind}"></i>{one.name} {number(one.points[-1][1])}</span>'
        for one in series
        if one.points
    )
    return f'{chart}<div class="legend">{legend}</div>' if chart else ""


def _points(history: Iterable[Mapping[str, Json]], members: tuple[str, ...]) -> Points:
    found = (
        (row.get("step"), next((row[name] for name in members if name in row), None))
        for row in history
    )
    return tuple(
        (float(step), float(loss))
        for step, loss in found
        if isinstance(step, int | float) and isinstance(loss, int | float)
    )


def _evaluation(rows: Sequence[EvaluationRow]) -> str:
    if not rows:
        return ""
    others = [name for name in BASELINES if any(name in row.baselines for row in rows)]
    numbers = {"rows", "model", *(BASELINES[name] for name in others)}
    headings = ("task", "metric", "rows", "model", *(BASELINES[name] for name in others), "verdict")
    return _table(headings, (_evaluation_cells(row, others) for row in rows), numbers=numbers)


def _evaluation_cells(row: EvaluationRow, others: Iterable[str]) -> list[str]:
    best = row.best_baseline
    verdict = row.verdict
    if verdict in {"loses", "ties"} and best:
        verdict = f"{verdict} {'to' if verdict == 'loses' else 'with'} {BASELINES[best[0]]}"
    return [
        _cell(row.task),
        _cell(row.metric),
        _cell(f"{row.rows:,}", "n"),
        _cell(_interval(row.model), "n"),
        *(_cell(_value(row.baselines.get(name)), "n") for name in others),
        _cell(verdict, row.verdict),
    ]


def _interval(value: Score) -> str:
    if value.low is None or value.high is None:
        return score(value.value)
    return f"{score(value.value)} ({score(value.low)} to {score(value.high)})"


def _value(value: Score | None) -> str:
    return "-" if value is None else score(value.value)


def _answers(samples: Sequence[Mapping[str, Json]]) -> str:
    shown = samples[:MOST_ANSWERS]
    members = [member for member in ANSWERS if any(member in sample for sample in shown)]
    headings = tuple(ANSWERS[member] for member in members)
    cells = ([_cell(_text(sample.get(name)), "text") for name in members] for sample in shown)
    return _table(headings, cells) if members else ""


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _cell(text: str, kind: str = "") -> str:
    named = f' class="{escape(kind)}"' if kind else ""
    return f"<td{named}>{escape(text)}</td>"


def _table(
    headings: Iterable[str], rows: Iterable[list[str]], *, numbers: Iterable[str] = ()
) -> str:
    right = set(numbers)
    head = "".join(
        f"<th{' class=n' if one in right else ''}>{escape(one)}</th>" for one in headings
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'
