"""An execution as one HTML page that opens from disk: no script, no network, all text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.evaluation import champion_note, evaluation_rows
from orchestrator.results.page import Section, card, render_page, scrolling
from orchestrator.results.report_data import data_html
from orchestrator.results.report_facts import facts_html, metrics_html
from orchestrator.results.report_parts import (
    evaluation_html,
    gantt_html,
    samples_html,
    training_html,
)
from orchestrator.results.report_top import gates_html, top_html
from orchestrator.results.shown import shown_steps
from orchestrator.results.svg import graph_svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.results.model import ExecutionResult, StepResult


def render_report(result: ExecutionResult, *, logs: Mapping[str, str] | None = None) -> str:
    """Return the page.

    Args:
        result: What the backend recorded, with metrics, history, table and samples read in.
        logs: The last lines of the log of steps that failed, by step name.
    """
    sections = (
        Section("why", _why(result), _failure(result, logs or {})),
        Section("gates", "Gates", gates_html(result.steps)),
        Section("steps", "How it ran", _graph_and_times(result)),
        Section("data", "Data", data_html(result.steps)),
        Section("training", "Training", training_html(result.steps)),
        Section("evaluation", "Evaluation", _evaluation(result)),
        Section("samples", "What the model writes", _samples(result)),
        Section("metrics", "Metrics", metrics_html(result.steps)),
        Section("facts", "What ran", facts_html(result)),
    )
    footer = (
        f"Execution <code>{escape(result.execution_id)}</code>. Written by fmo; "
        "everything shown is in this file."
    )
    title = f"{result.pipeline_name}: {result.status.lower()}"
    return render_page(title, top_html(result), sections, footer)


def _why(result: ExecutionResult) -> str:
    return "Why it failed" if result.status == "Failed" else "Why it stopped"


def _failure(result: ExecutionResult, logs: Mapping[str, str]) -> str:
    failed = [step for step in result.steps if step.status == "Failed"]
    if result.status not in {"Failed", "Stopped"}:
        return ""
    parts = [f"<p>{escape(result.failure_reason)}</p>"] if result.failure_reason else []
    for step in failed:
        told = _failed_step(step, result, logs.get(step.name, ""))
        parts += [f"<h3>{escape(step.name)}</h3>{told}"] if told else []
    return card("\n".join(parts) or "<p>Nothing was recorded.</p>", kind="failure")


def _failed_step(step: StepResult, result: ExecutionResult, log: str) -> str:
    told = ""
    if step.failure_reason and step.failure_reason not in (result.failure_reason or ""):
        told += f"<pre>{escape(step.failure_reason)}</pre>"
    if log:
        told += f'<p class="lead">The end of its log:</p><pre>{escape(log)}</pre>'
    return told


def _graph_and_times(result: ExecutionResult) -> str:
    graph = graph_svg(shown_steps(result.steps))
    return (
        f'<div class="split"><div class="card">{scrolling("Graph of the steps", "graph-box")}'
        f"{graph}</div></div>{card(gantt_html(result))}</div>"
    )


def _evaluation(result: ExecutionResult) -> str:
    return "".join(
        evaluation_html(step.name, rows, champion_note(step.table))
        for step in result.steps
        if (rows := evaluation_rows(step.table))
    )


def _samples(result: ExecutionResult) -> str:
    return "".join(samples_html(step) for step in result.steps if step.samples)
