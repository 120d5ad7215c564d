"""`runs`, `why`, `report`, `models`: what happened on this machine before."""

from __future__ import annotations

import json
from dataclasses import asdict
from textwrap import indent
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, home_option, json_option
from orchestrator.commands.terminal import JSON_INDENT, Output
from orchestrator.results.figures import duration, number, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from orchestrator.local.home import Home
    from orchestrator.local.registry import RegisteredModel
    from orchestrator.results.comparison import Comparison
    from orchestrator.results.model import ExecutionResult, Json

SHA256_LENGTH = 64
APPROVAL = {"PendingManualApproval": "pending", "Approved": "approved", "Rejected": "rejected"}


@click.command()
@home_option
@json_option
def runs(home_path: Path, *, as_json: bool) -> None:
    """List the executions on this machine, newest first."""
    from rich.text import Text

    from orchestrator.commands import executions
    from orchestrator.results.tables import new_table, status_text

    output = Output(as_json=as_json)
    found = executions.list_executions(executions.open_home(home_path))
    table = new_table()
    # Half an id cannot be copied: the other columns give way first.
    table.add_column("execution", no_wrap=True)
    for heading in ("pipeline", "status", "started", "time"):
        table.add_column(heading, overflow="fold")
    for one in found:
        name = Text.assemble(one.pipeline_name, (" (smoke)" if one.is_smoke else "", "dim"))
        cells = (Text(one.execution_id), name, status_text(one.status))
        table.add_row(*cells, _minute(one.started_at), duration(one.seconds))
    output.show(table if found else f"no executions in {home_path}; start one with: fmo run FILE")
    output.document([_brief(one) for one in found])


@click.command()
@click.argument("execution")
@click.argument("step")
@home_option
@json_option
def why(execution: str, step: str, home_path: Path, *, as_json: bool) -> None:
    """Say why a step ran, or was taken from the cache."""
    from rich.text import Text

    from orchestrator.commands import executions

    output = Output(as_json=as_json)
    explanation = executions.explain(execution, step, executions.open_home(home_path))
    output.show(Text(explanation.text))
    for change in explanation.changes:
        output.show(
            Text(f"  {change.part}: {_brief_value(change.before)} -> {_brief_value(change.after)}")
        )
    output.document(asdict(explanation))


@click.command()
@click.argument("execution", default="last")
@click.argument("other", required=False)
@click.option("-o", "--output", "target", type=PATH, help="Where to write.")
@home_option
@json_option
def report(
    execution: str, other: str | None, target: Path | None, home_path: Path, *, as_json: bool
) -> None:
    """Write the HTML report of an execution, or of two side by side.

    EXECUTION and OTHER are ids, starts of ids, `last`, or `last~1` for the one before it.
    """
    from orchestrator.commands import executions

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    if other is not None:
        _compare(executions.load_comparison(execution, other, home), target, home, output)
        return
    result = executions.load_execution(execution, home)
    path = executions.write_report(result, target or executions.report_path(result, home))
    if not as_json:
        output.write(f"{path}\n")
    output.document({"execution_id": result.execution_id, "report": str(path)})


def _compare(comparison: Comparison, target: Path | None, home: Home, output: Output) -> None:
    """Show two executions side by side, and write their page."""
    from rich.text import Text

    from orchestrator.commands import executions
    from orchestrator.results.comparison_tables import comparison_tables
    from orchestrator.results.comparison_text import comparison_to_json, summary

    path = target or executions.comparison_path(comparison, home)
    executions.write_comparison(comparison, path)
    for name, one in (("A", comparison.before), ("B", comparison.after)):
        told = f"{name}: {one.execution_id} of {one.pipeline_name}, {one.status.lower()}"
        output.show(Text(told))
    output.show(*(Text(remark, style="yellow") for remark in comparison.remarks))
    output.show(*comparison_tables(comparison), Text(summary(comparison), style="bold"))
    if not output.as_json:
        output.write(f"{path}\n")
    output.document({**comparison_to_json(comparison), "report": str(path)})


@click.command()
@click.argument("model", required=False)
@home_option
@json_option
def models(model: str | None, home_path: Path, *, as_json: bool) -> None:
    """List the registered models, or show one with its model card.

    MODEL is a name in the list, its newest version, or NAME/VERSION.
    """
    from rich.text import Text

    from orchestrator.commands import executions
    from orchestrator.results.notes import metrics_note
    from orchestrator.results.tables import new_table

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    if model is not None:
        one = executions.find_model(model, home)
        output.show(*map(Text, _model_lines(one, executions.weights_of(one, home))))
        output.document(_model_to_json(one))
        return
    found = executions.list_models(home)
    table = new_table()
    for heading in ("model", "status", "registered", "metrics"):
        table.add_column(heading, overflow="fold")
    for one in found:
        status = APPROVAL.get(one.approval_status, one.approval_status)
        cells = (f"{one.group}/{one.version}", status, _minute(one.created_at))
        table.add_row(*map(Text, cells), Text(metrics_note(one.metrics, most=2)))
    output.show(table if found else f"no models in {home_path}")
    output.document([_model_to_json(one) for one in found])


def _model_lines(model: RegisteredModel, weights: Mapping[str, Path | None]) -> list[str]:
    places = [
        f"weights     {uri}\n            {path or 'not in the store any more'}"
        for uri, path in weights.items()
    ]
    card = json.dumps(model.model_card, indent=JSON_INDENT, ensure_ascii=False)
    return [
        f"{model.group}/{model.version}: {model.approval_status}",
        f"registered  {_minute(model.created_at)} by {model.step} of {model.execution_id}",
        *places,
        *(["metrics"] if model.metrics else []),
        *_metric_lines(model.metrics),
        "no model card" if model.model_card is None else f"model card\n{indent(card, '  ')}",
    ]


def _metric_lines(metrics: Mapping[str, float]) -> list[str]:
    """Return one line for each metric, its interval behind it."""
    from orchestrator.results.metric_rows import metric_rows

    lines = []
    for row in metric_rows(dict(sorted(metrics.items()))):
        has_interval = row.low is not None and row.high is not None
        spread = f" ({number(row.low)} to {number(row.high)})" if has_interval else ""
        lines.append(f"  {row.name}: {number(row.value)}{spread}")
    return lines


def _model_to_json(model: RegisteredModel) -> Json:
    return {**asdict(model), "created_at": model.created_at.isoformat()}


def _minute(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _brief_value(value: str | None) -> str:
    if value is None:
        return "(none)"
    return value[:12] if len(value) == SHA256_LENGTH else repr(shortened(value, 40))


def _brief(result: ExecutionResult) -> Json:
    return {
        "execution_id": result.execution_id,
        "pipeline_name": result.pipeline_name,
        "status": result.status,
        "started_at": result.started_at.isoformat(),
        "seconds": result.seconds,
        "smoke": result.is_smoke,
        "failure_reason": result.failure_reason,
    }
