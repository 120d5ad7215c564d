"""`run` and `resume`: a definition runs on this machine, and how it went is shown."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import (
    home_option,
    json_option,
    no_cache_option,
    param_option,
    set_option,
    spec_argument,
    workers_option,
)
from orchestrator.commands.terminal import INTERRUPTED, Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from orchestrator.local.home import Home
    from orchestrator.results.model import ExecutionResult


@click.command()
@spec_argument
@param_option
@set_option
@click.option(
    "--smoke", is_flag=True,
    help="Try it in minutes: few rows and steps, tiny models, gates only report.",
)  # fmt: skip
@workers_option
@no_cache_option
@home_option
@json_option
@click.pass_context
def run(
    context: click.Context,
    file: Path,
    parameters: Mapping[str, str],
    overrides: Mapping[str, str],
    workers: int,
    home_path: Path,
    *,
    smoke: bool,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Run a spec, or any pipeline definition JSON, on this machine."""
    from orchestrator import flow, flow_local
    from orchestrator.commands import executions
    from orchestrator.local.clock import SystemClock
    from orchestrator.results.live import live_display

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    prepared = flow.prepare_file(file, overrides)
    output.warn(prepared.warnings)
    for model in flow_local.models_to_fetch(prepared, home, weights=not smoke):
        what = "its settings and tokenizer" if smoke else "it"
        takes = "" if smoke else ", which can take minutes"
        output.say(f"{model}: {what} will be downloaded first{takes}")
    with live_display(output.people, SystemClock().now) as watch:
        result = flow_local.run_prepared(
            prepared,
            home,
            parameters=parameters,
            how=flow_local.HowToRun(watch, os.environ, workers=workers, use_cache=not no_cache),
            smoke=smoke,
        )
    context.exit(finish(result, home, output))


@click.command()
@click.argument("execution", default="last")
@workers_option
@no_cache_option
@home_option
@json_option
@click.pass_context
def resume(
    context: click.Context,
    execution: str,
    workers: int,
    home_path: Path,
    *,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Go on with an execution that was stopped, killed or failed.

    Finished steps stay finished. EXECUTION is its id, the start of its id, or `last`.
    """
    from orchestrator import flow_local
    from orchestrator.commands import executions
    from orchestrator.local.clock import SystemClock
    from orchestrator.results.live import live_display

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    execution_id = executions.find_execution(execution, home)
    with live_display(output.people, SystemClock().now) as watch:
        result = flow_local.resume(
            execution_id,
            home,
            flow_local.HowToRun(watch, os.environ, workers=workers, use_cache=not no_cache),
        )
    context.exit(finish(result, home, output))


def finish(result: ExecutionResult, home: Home, output: Output) -> int:
    """Show how it went and return the exit code; Ctrl-C meanwhile undoes nothing."""
    from orchestrator.commands import executions

    if result.status == "Stopped":
        # Whoever pressed Ctrl-C may press it again while the report is written.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return show_result(result, home, output)
    except KeyboardInterrupt:
        again = f"fmo report {result.execution_id}{executions.home_option_of(home)}"
        output.say(f"interrupted; the execution had {result.status.lower()} before. See: {again}")
        return INTERRUPTED


def show_result(result: ExecutionResult, home: Home, output: Output) -> int:
    """Print how it went, write the report, and return the exit code."""
    from orchestrator.commands import executions
    from orchestrator.results.figures import duration
    from orchestrator.results.model import execution_to_json

    output.show(*result_tables(result, width=output.results.width))
    report = _write_report(result, home, output)
    output.document({**execution_to_json(result), "report": str(report) if report else None})
    output.say(f"{result.status} in {duration(result.seconds)}: {result.execution_id}", "bold")
    if report:
        output.say(f"report: {report}")
    curves = executions.tensorboard_folder(result, home)
    if curves:
        output.say(f"curves: tensorboard --logdir {shlex.quote(str(curves))}")
    for tracked in executions.tracked_runs(result):
        output.say(f"run: {tracked}")
    _say_what_is_next(result, home, output)
    if result.status == "Succeeded":
        return 0
    _say_why(result, home, output)
    return 1


def result_tables(result: ExecutionResult, *, width: int) -> list[Table]:
    """Return the steps, and for each evaluation its scores, as tables."""
    from orchestrator.results.evaluation import evaluation_rows
    from orchestrator.results.tables import evaluation_table, steps_table

    found = {step.name: evaluation_rows(step.table) for step in result.steps}
    exams = [
        evaluation_table(rows, title=f"Evaluation: {name}", width=width)
        for name, rows in found.items()
        if rows
    ]
    return [steps_table(result, width=width), *exams]


def _say_what_is_next(result: ExecutionResult, home: Home, output: Output) -> None:
    """Tell a smoke run from a real one, whose model can be talked to."""
    from orchestrator.commands import executions

    if not result.is_smoke:
        if result.status == "Succeeded" and executions.has_language_model(result, home):
            output.say(f"talk to it: fmo chat{executions.home_option_of(home)}")
        return
    output.say("smoke run: few rows and steps, tiny models; the numbers mean nothing")
    output.say("gates were not enforced, and nothing was registered")
    spec = result.source.get("spec")
    if result.status == "Succeeded" and isinstance(spec, str) and Path(spec).is_file():
        output.say(f"next: fmo run {shlex.quote(spec)}")


def _write_report(result: ExecutionResult, home: Home, output: Output) -> Path | None:
    """Write the report and return its path; None if it cannot be, which undoes no run."""
    from orchestrator.commands import executions
    from orchestrator.errors import InputError, Problem

    path = executions.report_path(result, home)
    try:
        return executions.write_report(result, path)
    except (InputError, OSError) as error:
        told = error.problems[0].what if isinstance(error, InputError) else error.strerror
        what = f"the report cannot be written: {told or error}"
        fix = f"Later: fmo report {result.execution_id}{executions.home_option_of(home)}"
        output.warn([Problem(str(path), what, fix)])
        return None


def _say_why(result: ExecutionResult, home: Home, output: Output) -> None:
    from orchestrator.commands import executions
    from orchestrator.errors import ExecutionStoppedError, GateFailedError, StepFailedError

    failed = [step for step in result.steps if step.status == "Failed"]
    for step in failed:
        code = (GateFailedError if step.type == "Fail" else StepFailedError).code
        output.say(f"{code} {step.name}: {step.failure_reason or 'failed'}", "red")
        if step.log:
            output.say(f"log: {step.log}")
    if not failed:
        output.say(f"{ExecutionStoppedError.code} it was stopped; finished steps are kept", "red")
    if any(step.type != "Fail" for step in failed) or not failed:
        option = executions.home_option_of(home)
        output.say(f"go on with: fmo resume {result.execution_id}{option}")
    if failed:
        # A resumed execution keeps its definition, and with it the code of its steps.
        output.say(
            "after a change to the spec or a script: fmo run; it takes what is cached already"
        )
