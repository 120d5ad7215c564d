"""`start`, `status`, `stop`: executions of a pipeline that is deployed on AWS."""

from __future__ import annotations

from dataclasses import asdict
from threading import Event
from typing import TYPE_CHECKING

import click

from orchestrator.commands.deploy import ask, say_notes
from orchestrator.commands.options import (
    home_option,
    json_option,
    param_option,
    preflight_option,
    required_env_option,
    set_option,
    spec_argument,
    yes_option,
)
from orchestrator.commands.terminal import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.executions import Watched
    from orchestrator.aws.starts import Start
    from orchestrator.results.model import Json

execution_argument = click.argument("execution", default="last")
"""An ARN, or an execution that was started from here."""


every_option = click.option(
    "--every", default=15.0, show_default=True, type=click.FloatRange(0.1, 3600),
    metavar="SECONDS", help="How often to ask again.",
)  # fmt: skip


@click.command()
@spec_argument
@required_env_option
@param_option
@set_option
@click.option(
    "--smoke", is_flag=True,
    help="Try it: few rows and steps, tiny models, gates only report.",
)  # fmt: skip
@click.option("--name", metavar="TEXT", help="What the console shows for the execution.")
@yes_option
@preflight_option
@home_option
@json_option
def start(
    file: Path,
    env: str,
    parameters: Mapping[str, str],
    overrides: Mapping[str, str],
    name: str | None,
    home_path: Path,
    *,
    smoke: bool,
    yes: bool,
    preflight: bool,
    as_json: bool,
) -> None:
    """Start the pipeline of a spec as it is deployed.

    Its jobs cost money, so what will run is shown first and asked about.
    """
    from orchestrator import flow_aws
    from orchestrator.aws.clients import connect
    from orchestrator.aws.starts import plan_start
    from orchestrator.aws.starts import start as start_execution
    from orchestrator.commands import cloud_executions, executions

    output = Output(as_json=as_json)
    prepared = flow_aws.compile_for(file, overrides, env)
    given = flow_aws.parameters_to_start(prepared, parameters, smoke=smoke)
    aws = connect(prepared.environment.region)
    planned = plan_start(prepared.name, given, aws)
    _say_what_starts(planned, prepared.data, output)
    if preflight:
        say_notes(flow_aws.preflight_start(prepared, planned, aws), output)
    ask("Start?", output, yes=yes)
    arn = start_execution(planned, aws, display_name=name)
    home = executions.open_home(home_path)
    cloud_executions.remember(arn, home)
    output.show(arn)
    output.say(f"next: fmo status --watch{executions.home_option_of(home)}")
    output.document({"pipeline_execution_arn": arn, "parameters": dict(planned.parameters)})


@click.command()
@execution_argument
@click.option("--watch", is_flag=True, help="Stay until it ends, and show each step as it goes.")
@every_option
@home_option
@json_option
@click.pass_context
def status(
    context: click.Context,
    execution: str,
    every: float,
    home_path: Path,
    *,
    watch: bool,
    as_json: bool,
) -> None:
    """Show how an execution on AWS goes, or went.

    EXECUTION is its ARN, or of one that was started from here its id, the start of it, or `last`.
    Exit code 0: it succeeded or still runs. 1: it failed or was stopped.
    """
    from orchestrator.aws.executions import read_execution
    from orchestrator.commands import cloud_executions, executions

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    arn, aws = cloud_executions.find_execution(execution, home)
    seen = _watched(arn, aws, every, output) if watch else read_execution(arn, aws)
    context.exit(_show(seen, arn, aws, output))


@click.command()
@execution_argument
@click.argument("step", required=False)
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Stay until the step has ended.")
@every_option
@home_option
@json_option
def logs(
    execution: str,
    step: str | None,
    every: float,
    home_path: Path,
    *,
    is_followed: bool,
    as_json: bool,
) -> None:
    """Print what a step's job on AWS wrote.

    EXECUTION is its ARN, or of one that was started from here its id, the start of it, or `last`.
    Without STEP it is the job that runs, else the one that failed, else the last that ran.
    """
    from rich.text import Text

    from orchestrator.aws.executions import read_execution
    from orchestrator.aws.logs import JobLog, follow
    from orchestrator.commands import cloud_executions, executions

    output = Output(as_json=as_json)
    arn, aws = cloud_executions.find_execution(execution, executions.open_home(home_path))
    seen = read_execution(arn, aws)
    name = cloud_executions.step_with_log(seen, step)
    if is_followed:
        lines = follow(name, lambda: read_execution(arn, aws), aws, wait=waiting(every))
    else:
        lines = iter(JobLog(seen.jobs[name], aws).new_lines())
    output.say(f"{name}: {seen.result[name].status.lower()}", "bold")
    kept = []
    for line in lines:
        output.show(Text(line))
        if as_json:
            kept.append(line)
    output.document({"pipeline_execution_arn": arn, "step": name, "lines": kept})


@click.command()
@execution_argument
@click.argument("steps", nargs=-1, metavar="[STEP]...")
@home_option
@json_option
def pull(execution: str, steps: tuple[str, ...], home_path: Path, *, as_json: bool) -> None:
    """Copy what steps on AWS wrote into the local store: models, data, metrics.

    EXECUTION is its ARN, or of one that was started from here its id, the start of it, or `last`.
    Without STEP it is everything that succeeded. What is here already is not copied again.
    """
    from orchestrator import flow_aws
    from orchestrator.aws.executions import read_execution
    from orchestrator.commands import cloud_executions, executions

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    arn, aws = cloud_executions.find_execution(execution, home)
    result = read_execution(arn, aws).result
    for step in steps:
        cloud_executions.step_is_there(step, result)
    rows: list[Json] = []
    for one in flow_aws.pull(result, steps, home, aws):
        place = str(one.path) if one.path else "(empty)"
        output.show(f"{one.step}.{one.output}  {place}  {one.size_bytes:,} bytes")
        path = str(one.path) if one.path else None
        rows.append({**asdict(one), "path": path})
    if not rows:
        output.say("nothing to copy: no step that wrote something has succeeded")
    output.document({"pipeline_execution_arn": arn, "outputs": rows})


@click.command()
@execution_argument
@home_option
@json_option
def stop(execution: str, home_path: Path, *, as_json: bool) -> None:
    """Stop an execution on AWS, and with it the jobs that run.

    EXECUTION is its ARN, or of one that was started from here its id, the start of it, or `last`.
    """
    from orchestrator.aws.executions import stop as stop_execution
    from orchestrator.commands import cloud_executions, executions

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    arn, aws = cloud_executions.find_execution(execution, home)
    status = stop_execution(arn, aws)
    output.show(f"{status}: {arn}")
    output.document({"pipeline_execution_arn": arn, "status": status})


def waiting(seconds: float) -> Callable[[], None]:
    """Return what waits so long; Ctrl-C ends it."""
    never = Event()

    def wait() -> None:
        never.wait(seconds)

    return wait


def _say_what_starts(planned: Start, compiled: bytes, output: Output) -> None:
    """Say what will cost money, and whether the spec is another than the one deployed."""
    from orchestrator.definition.changes import changes_between
    from orchestrator.errors import Problem
    from orchestrator.results.figures import plural

    changes = changes_between(planned.definition, compiled)
    if changes:
        what = f"the spec differs in {plural(len(changes), 'member')} from what is deployed"
        fix = "That is what starts; `fmo diff` shows the difference, `fmo deploy` ends it."
        output.warn([Problem("", what, fix)])
    output.say(f"pipeline   {planned.pipeline_name}")
    for name, value in planned.parameters.items():
        output.say(f"parameter  {name}={value}")
    for step, instances in planned.instances.items():
        output.say(f"job        {step}: {instances}")


def _watched(arn: str, aws: Aws, every: float, output: Output) -> Watched:
    from orchestrator.aws.watch import watch
    from orchestrator.local.clock import SystemClock
    from orchestrator.results.live import live_display

    clock = SystemClock()
    with live_display(output.people, clock.now) as listener:
        return watch(arn, aws, listener, now=clock.now, wait=waiting(every))


def _show(seen: Watched, arn: str, aws: Aws, output: Output) -> int:
    """Show the steps and what they left; return the exit code."""
    from orchestrator.aws.executions import with_outputs
    from orchestrator.commands.execute import result_tables
    from orchestrator.results.figures import duration
    from orchestrator.results.model import execution_to_json

    result = with_outputs(seen.result, aws)
    output.show(*result_tables(result, width=output.results.width))
    running = {
        step.name: seen.jobs[step.name].state
        for step in result.steps
        if step.name in seen.jobs and not step.is_done
    }
    for name, state in running.items():
        output.say(f"{name}: {state}")
    output.document({**execution_to_json(result), "job_states": dict(running)})
    took = f" in {duration(result.seconds)}" if seen.has_ended else ""
    output.say(f"{result.status}{took}: {arn}", "bold")
    for step in result.steps:
        if step.status == "Failed":
            output.say(f"{step.name}: {step.failure_reason or 'failed'}", "red")
    output.say(f"report: fmo report {arn}" if seen.has_ended else f"stop: fmo stop {arn}")
    return 1 if result.status in {"Failed", "Stopped"} else 0
