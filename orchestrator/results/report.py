"""An execution as one HTML page that opens from disk: no script, no network, all text escaped."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from orchestrator.results.evaluation import evaluation_rows
from orchestrator.results.figures import duration, number, plural
from orchestrator.results.report_parts import (
    evaluation_html,
    facts_html,
    gantt_html,
    gates_html,
    metrics_html,
    pill,
    samples_html,
)
from orchestrator.results.svg import Series, graph_svg, line_chart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.results.model import ExecutionResult, Json, StepResult

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render_report(result: ExecutionResult, *, logs: Mapping[str, str] | None = None) -> str:
    """Return the page.

    Args:
        result: What the backend recorded, with metrics, history, table and samples read in.
        logs: The last lines of the log of steps that failed, by step name.
    """
    sections = (
        _failure(result, logs or {}),
        _section("How it ran", _graph_and_times(result)),
        _section("Training", _training(result)),
        _section("Evaluation", _evaluation(result)),
        _section("What the model writes", _samples(result)),
        _section("Metrics", metrics_html(result.steps)),
        _section("What ran", facts_html(result)),
    )
    style = resources.files("orchestrator.results").joinpath("report.css").read_text("utf-8")
    title = f"{result.pipeline_name}: {result.status.lower()}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"{_top(result)}\n<main>\n{''.join(sections)}\n</main>\n"
        f"<footer>Execution <code>{escape(result.execution_id)}</code>. Written by fmo; "
        "everything shown is in this file.</footer>\n</body>\n</html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n" if body else ""


def _top(result: ExecutionResult) -> str:
    begun = result.started_at.strftime("%Y-%m-%d %H:%M:%S %Z")
    return (
        f'<header class="top">\n<h1>{escape(result.pipeline_name)}</h1>\n<div class="meta">'
        f"{pill(result.status)}<span>started <b>{escape(begun)}</b></span>"
        f"<span>took <b>{duration(result.seconds)}</b></span>"
        f"<span><code>{escape(result.execution_id)}</code></span></div>\n{_figures(result)}</header>"
    )


def _figures(result: ExecutionResult) -> str:
    done = [step for step in result.steps if step.status == "Succeeded"]
    # A Fail step that was not reached is what everybody hopes for.
    wanted = [step for step in result.steps if (step.type, step.status) != ("Fail", "NotStarted")]
    shown = [
        ("steps done", f"{len(done)} of {len(wanted)}"),
        ("from the cache", number(sum(step.cached for step in done))),
    ]
    trained = sum(step.seconds or 0 for step in done if step.type == "Training" and not step.cached)
    if trained:
        shown.append(("spent training", duration(trained)))
    rows = [row for step in result.steps for row in evaluation_rows(step.table)]
    compared = [row for row in rows if row.verdict]
    if compared:
        wins = sum(row.verdict == "wins" for row in compared)
        shown.append(("comparisons won", f"{wins} of {len(compared)}"))
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown
    )
    return f'<dl class="figures">{cells}</dl>'


def _failure(result: ExecutionResult, logs: Mapping[str, str]) -> str:
    failed = [step for step in result.steps if step.status == "Failed"]
    if result.status not in {"Failed", "Stopped"}:
        return ""
    parts = [f"<p>{escape(result.failure_reason)}</p>"] if result.failure_reason else []
    for step in failed:
        told = _failed_step(step, result, logs.get(step.name, ""))
        parts += [f"<h3>{escape(step.name)}</h3>{told}"] if told else []
    title = "Why it failed" if result.status == "Failed" else "Why it stopped"
    body = "\n".join(parts) or "<p>Nothing was recorded.</p>"
    return f'<section class="card failure">\n<h2>{title}</h2>\n{body}\n</section>\n'


def _failed_step(step: StepResult, result: ExecutionResult, log: str) -> str:
    told = ""
    if step.failure_reason and step.failure_reason not in (result.failure_reason or ""):
        told += f"<pre>{escape(step.failure_reason)}</pre>"
    if log:
        told += f'<p class="lead">The end of its log:</p><pre>{escape(log)}</pre>'
    return told


def _graph_and_times(result: ExecutionResult) -> str:
    return (
        f'<div class="split"><div class="card graph-card">{graph_svg(result.steps)}</div>'
        f'<div><div class="card">{gantt_html(result)}</div>{gates_html(result.steps)}</div></div>'
    )


def _training(result: ExecutionResult) -> str:
    cards = [_training_card(step) for step in result.steps if step.history]
    shown = [card for card in cards if card]
    return f'<div class="charts">{"".join(shown)}</div>' if shown else ""


def _training_card(step: StepResult) -> str:
    series = [
        Series("training loss", _points(step, "train/loss", "loss"), "train"),
        Series("validation loss", _points(step, "eval/loss", "eval_loss"), "eval"),
    ]
    chart = line_chart(series, title=f"Loss of {step.name}")
    if not chart:
        return ""
    legend = "".join(
        f'<span class="{one.kind}">{one.name} {number(one.points[-1][1])}</span>'
        for one in series
        if one.points
    )
    steps = int(max(point[0] for one in series for point in one.points))
    about = f"{plural(steps, 'step')} in {duration(step.seconds)}"
    return (
        f'<div class="card"><h3>{escape(step.name)}</h3>{chart}<div class="legend">{legend}</div>'
        f'<p class="lead">{about}{" (from the cache)" if step.cached else ""}</p></div>'
    )


def _points(step: StepResult, *names: str) -> tuple[tuple[float, float], ...]:
    points = []
    for row in step.history:
        at = _number(row.get("step"))
        value = next(
            (found for name in names if (found := _number(row.get(name))) is not None), None
        )
        if at is not None and value is not None:
            points.append((at, value))
    return tuple(points)


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _evaluation(result: ExecutionResult) -> str:
    return "".join(
        evaluation_html(step.name, rows)
        for step in result.steps
        if (rows := evaluation_rows(step.table))
    )


def _samples(result: ExecutionResult) -> str:
    return "".join(samples_html(step) for step in result.steps if step.samples)
