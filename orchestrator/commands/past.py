"""`runs`, `why`, `report`, `models`: what happened on this machine before."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import home_option, json_option
from orchestrator.commands.terminal import Output
from orchestrator.results.figures import duration, shortened

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult, Json

SHA256_LENGTH = 64


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
    for heading in ("execution", "pipeline", "status", "started", "time"):
        table.add_column(heading, overflow="fold")
    for one in found:
        began = one.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
        cells = (Text(one.execution_id), Text(one.pipeline_name), status_text(one.status))
        table.add_row(*cells, began, duration(one.seconds))
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
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Where to write.")
@home_option
@json_option
def report(execution: str, target: Path | None, home_path: Path, *, as_json: bool) -> None:
    """Write the HTML report of an execution.

    EXECUTION is its id, the start of its id, or `last`.
    """
    from orchestrator.commands import executions

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    result = executions.load_execution(execution, home)
    path = executions.write_report(result, target or executions.report_path(result, home))
    if not as_json:
        output.write(f"{path}\n")
    output.document({"execution_id": result.execution_id, "report": str(path)})


@click.command()
@home_option
@json_option
def models(home_path: Path, *, as_json: bool) -> None:
    """List the registered models with their metrics."""
    from rich.text import Text

    from orchestrator.commands import executions
    from orchestrator.results.tables import metrics_note, new_table

    output = Output(as_json=as_json)
    found = executions.list_models(executions.open_home(home_path))
    table = new_table()
    for heading in ("model", "status", "registered", "metrics"):
        table.add_column(heading, overflow="fold")
    for one in found:
        when = one.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        cells = (f"{one.group} {one.version}", one.approval_status, when)
        table.add_row(*map(Text, cells), Text(metrics_note(one.metrics)))
    output.show(table if found else f"no models in {home_path}")
    output.document([{**asdict(one), "created_at": one.created_at.isoformat()} for one in found])


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
        "failure_reason": result.failure_reason,
    }
