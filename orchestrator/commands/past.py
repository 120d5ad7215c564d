"""`runs`, `why`, `report`: what happened on this machine before."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, home_option, json_option
from orchestrator.commands.terminal import Output
from orchestrator.results.figures import duration, shortened

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from orchestrator.local.home import Home
    from orchestrator.results.comparison import Comparison
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
