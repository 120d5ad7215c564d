"""`infra`: what pipelines need in an account, made by CloudFormation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.commands.deploy import ask
from orchestrator.commands.options import (
    json_option,
    required_env_option,
    set_option,
    spec_argument,
    yes_option,
)
from orchestrator.commands.terminal import Output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.infra import Infrastructure, PartPlan

every_option = click.option(
    "--every", default=5.0, show_default=True, type=click.FloatRange(0.1, 3600),
    help="Seconds between two looks at a stack.",
)  # fmt: skip
PARTS = ("storage", "network", "roles", "schedules", "bridge")


@click.group()
def infra() -> None:
    """Make what pipelines need in an account: bucket, key, roles, bridge, network."""


@infra.command()
@required_env_option
@every_option
@yes_option
@json_option
def deploy(env: str, every: float, *, yes: bool, as_json: bool) -> None:
    """Make or update what the environment needs in its account.

    A bucket, a key and the jobs' roles, and the parts that `infra.parts` of the environment names.
    What has to change is shown first, and nothing is changed before it is agreed to. After a
    failure, deploying again goes on.
    """
    from orchestrator.aws.infra import carry_out, forget, plan_infrastructure
    from orchestrator.commands import infra_view
    from orchestrator.commands.cloud import waiting

    output = Output(as_json=as_json)
    wanted, aws = _connect(env)
    plans = plan_infrastructure(wanted, aws, waiting(every), output.say)
    _show(plans, env, aws, output)
    if any(plan.action != "none" for plan in plans):
        try:
            ask("Deploy?", output, yes=yes)
        except BaseException:
            forget(plans, aws)
            raise
    tell = infra_view.listener(output)
    outputs = carry_out(wanted, plans, aws, waiting(every), tell)
    for line in infra_view.output_lines(outputs):
        output.say(line)
    output.show(*infra_view.project_text(env, outputs))
    output.document({**infra_view.plan_to_json(plans, env, aws.region), "outputs": outputs})


@infra.command()
@required_env_option
@every_option
@json_option
@click.pass_context
def diff(context: click.Context, env: str, every: float, *, as_json: bool) -> None:
    """Show what `infra deploy` would change.

    Exit code 0: nothing. 1: something. Nothing is changed.
    """
    from orchestrator.aws.infra import forget, plan_infrastructure
    from orchestrator.commands import infra_view
    from orchestrator.commands.cloud import waiting

    output = Output(as_json=as_json)
    wanted, aws = _connect(env)
    plans = plan_infrastructure(wanted, aws, waiting(every), output.say)
    forget(plans, aws)
    _show(plans, env, aws, output)
    output.document(infra_view.plan_to_json(plans, env, aws.region))
    context.exit(int(any(plan.action != "none" for plan in plans)))


@infra.command()
@required_env_option
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(PARTS),
    help="Delete this part only. Repeatable.",
)  # fmt: skip
@every_option
@yes_option
@json_option
def delete(env: str, parts: tuple[str, ...], every: float, *, yes: bool, as_json: bool) -> None:
    """Delete what `infra deploy` has made, except the bucket with all data and its key."""
    from orchestrator.aws.infra import kept, remove, standing
    from orchestrator.commands import infra_view
    from orchestrator.commands.cloud import waiting

    output = Output(as_json=as_json)
    wanted, aws = _connect(env)
    stacks = standing(wanted, aws, parts or PARTS)
    stays = kept(stacks, aws)
    output.say(f"environment  {env}: {aws.region}")
    for part, stack in stacks.items():
        output.say(f"delete       {part}: stack {stack.name}")
    for name in stays.values():
        output.say(f"keep         {name}")
    if not stacks:
        output.say("nothing to delete")
    else:
        ask("Delete?", output, yes=yes)
    remove(stacks, aws, waiting(every), infra_view.listener(output))
    output.show(*infra_view.kept_text(env, stays))
    output.document({"environment": env, "deleted": list(stacks), "kept": stays})


@infra.command()
@click.argument("part", type=click.Choice(PARTS))
@json_option
def template(part: str, *, as_json: bool) -> None:
    """Print the CloudFormation template of a part, for review or another tool."""
    from orchestrator.aws.templates import load_template

    output, found = Output(as_json=as_json), load_template(part)
    if not as_json:
        output.write(found.body)
    output.document({"part": part, "template": found.body})


@infra.command()
@spec_argument
@required_env_option
@set_option
@json_option
def policy(file: Path, env: str, overrides: Mapping[str, str], *, as_json: bool) -> None:
    """Print the IAM policy that an execution of this spec needs, and no more.

    It is what `role_arn` of the environment must be allowed, as JSON, for review or for whoever
    makes roles where you are.
    """
    import json

    from orchestrator import flow_aws, flow_infra

    output = Output(as_json=as_json)
    prepared = flow_aws.compile_for(file, overrides, env)
    document = flow_infra.policy_of(prepared)
    if not as_json:
        output.write(json.dumps(document, indent=2) + "\n")
    output.document(document)


def _connect(env: str) -> tuple[Infrastructure, Aws]:
    from orchestrator import flow_infra
    from orchestrator.aws.clients import connect

    wanted, region = flow_infra.infrastructure_of(env, Path())
    return wanted, connect(region)


def _show(plans: Sequence[PartPlan], env: str, aws: Aws, output: Output) -> None:
    from orchestrator.aws.preflight import caller_of
    from orchestrator.commands import infra_view

    output.say(f"environment  {env}: account {caller_of(aws).account}, {aws.region}")
    output.show(*infra_view.plan_parts(plans))
