"""`deploy`, `diff`: a spec becomes a pipeline in an account of AWS."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import (
    home_option,
    json_option,
    preflight_option,
    required_env_option,
    set_option,
    spec_argument,
    yes_option,
)
from orchestrator.commands.terminal import Output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.deploy import DeploymentPlan
    from orchestrator.local.home import Home


@click.command()
@spec_argument
@required_env_option
@set_option
@yes_option
@preflight_option
@home_option
@json_option
def deploy(
    file: Path,
    env: str,
    overrides: Mapping[str, str],
    home_path: Path,
    *,
    yes: bool,
    preflight: bool,
    as_json: bool,
) -> None:
    """Store a spec's code and data in S3, and create or update its pipeline.

    What has to change is shown first, and nothing is changed before it is agreed to. What is there
    already is left alone; after a failure, deploying again goes on.
    """
    from orchestrator import flow_aws
    from orchestrator.aws.clients import connect
    from orchestrator.aws.deploy import plan_deployment
    from orchestrator.commands.deploy_view import plan_lines, plan_to_json
    from orchestrator.commands.executions import open_home

    output = Output(as_json=as_json)
    prepared = flow_aws.compile_for(file, overrides, env)
    output.warn(prepared.warnings)
    aws = connect(prepared.environment.region)
    plan = plan_deployment(flow_aws.deployment_of(prepared), aws)
    for line in plan_lines(plan, env, aws.region):
        output.say(line)
    if preflight:
        say_notes(flow_aws.preflight(plan, aws), output)
    if not plan.changes_nothing:
        ask("Deploy?", output, yes=yes)
    arn = _carry_out(plan, open_home(home_path), aws, output)
    output.show(arn)
    output.say(f"next: fmo start {file} --env {env}")
    output.document({**plan_to_json(plan, env, aws.region), "pipeline_arn": arn})


@click.command()
@spec_argument
@required_env_option
@set_option
@json_option
@click.pass_context
def diff(
    context: click.Context, file: Path, env: str, overrides: Mapping[str, str], *, as_json: bool
) -> None:
    """Show what differs between a spec and the pipeline that is deployed.

    Exit code 0: nothing. 1: something. Nothing is changed.
    """
    from orchestrator import flow_aws
    from orchestrator.aws.clients import connect
    from orchestrator.aws.deploy import plan_deployment
    from orchestrator.commands.deploy_view import (
        all_changes,
        change_text,
        plan_lines,
        plan_to_json,
    )

    output = Output(as_json=as_json)
    prepared = flow_aws.compile_for(file, overrides, env)
    output.warn(prepared.warnings)
    aws = connect(prepared.environment.region)
    plan = plan_deployment(flow_aws.deployment_of(prepared), aws)
    for line in plan_lines(plan, env, aws.region):
        output.say(line)
    output.show(*map(change_text, all_changes(plan)))
    output.document(plan_to_json(plan, env, aws.region))
    context.exit(0 if plan.changes_nothing else 1)


def say_notes(notes: Sequence[str], output: Output) -> None:
    """Say that nothing is missing, and what could not be checked."""
    output.say("preflight    nothing is missing")
    for note in notes:
        output.say(f"             {note}")


def ask(question: str, output: Output, *, yes: bool) -> None:
    """Go on if somebody agrees.

    Raises:
        InputError: If there is nobody to ask, and `--yes` is not given.
    """
    from orchestrator.errors import InputError, Problem

    if yes:
        return
    if output.as_json or not sys.stdin.isatty():
        raise InputError(Problem("", "nobody can be asked here", "Add --yes to go on."))
    click.confirm(question, abort=True, err=True)


def _carry_out(plan: DeploymentPlan, home: Home, aws: Aws, output: Output) -> str:
    """Deploy with a bar of what is stored, where there is a terminal to draw it on."""
    from rich.progress import Progress

    from orchestrator import flow_aws

    people = output.people
    with Progress(console=people, transient=True, disable=not people.is_terminal) as progress:
        total = sum(one.size_bytes for one in plan.models)
        total += sum(one.size_bytes for one in plan.uploads)
        task = progress.add_task("storing", total=total)
        return flow_aws.deploy(plan, home, aws, lambda one: progress.advance(task, one.size_bytes))
