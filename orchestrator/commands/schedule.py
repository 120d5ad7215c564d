"""`schedule`: what starts a deployed pipeline by itself, listed, paused and resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import (
    json_option,
    required_env_option,
    set_option,
    spec_argument,
)
from orchestrator.commands.terminal import Output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.triggers import Standing
    from orchestrator.results.model import Json


@click.group()
def schedule() -> None:
    """Show what starts a deployed pipeline by itself; pause and resume it.

    `schedule:` in the spec says when, and `fmo deploy` brings it to AWS.
    """


@schedule.command(name="list")
@spec_argument
@required_env_option
@set_option
@json_option
def list_triggers(file: Path, env: str, overrides: Mapping[str, str], *, as_json: bool) -> None:
    """List what stands on AWS for the pipeline of a spec."""
    from orchestrator.local.clock import SystemClock

    output = Output(as_json=as_json)
    found, _ = _standing(file, env, overrides)
    _show(found, SystemClock().now(), output)


@schedule.command()
@spec_argument
@required_env_option
@set_option
@json_option
def pause(file: Path, env: str, overrides: Mapping[str, str], *, as_json: bool) -> None:
    """Let nothing start the pipeline by itself.

    It stays so until `fmo schedule resume`, whatever is deployed meanwhile.
    """
    _set_paused(file, env, overrides, Output(as_json=as_json), is_paused=True)


@schedule.command()
@spec_argument
@required_env_option
@set_option
@json_option
def resume(file: Path, env: str, overrides: Mapping[str, str], *, as_json: bool) -> None:
    """Let a paused pipeline start by itself again.

    What was missed is not made up for.
    """
    _set_paused(file, env, overrides, Output(as_json=as_json), is_paused=False)


def _set_paused(
    file: Path, env: str, overrides: Mapping[str, str], output: Output, *, is_paused: bool
) -> None:
    from dataclasses import replace

    from orchestrator.aws.triggers import set_paused
    from orchestrator.local.clock import SystemClock

    found, aws = _standing(file, env, overrides)
    starting = [one for one in found if not one.trigger.name.endswith("-notify")]
    for one in starting:
        if one.is_paused != is_paused:
            set_paused(one, aws, is_paused=is_paused)
    now = [replace(one, is_paused=is_paused) for one in starting]
    _show(now, SystemClock().now(), output)


def _standing(file: Path, env: str, overrides: Mapping[str, str]) -> tuple[list[Standing], Aws]:
    from orchestrator import flow_aws
    from orchestrator.aws.clients import connect
    from orchestrator.aws.triggers import find_trigger
    from orchestrator.compiler.triggers import trigger_names

    prepared = flow_aws.compile_for(file, overrides, env)
    aws = connect(prepared.environment.region)
    kinds = trigger_names(prepared.name).kinds
    found = [find_trigger(kind, name, aws) for name, kind in kinds.items()]
    return [one for one in found if one and one.pipeline_name == prepared.name], aws


def _show(found: list[Standing], now: datetime, output: Output) -> None:
    rows: list[Json] = []
    for one in found:
        at = None if one.is_paused else _next_time(one, now)
        state = "paused" if one.is_paused else "enabled"
        then = f"  next {at:%Y-%m-%d %H:%M} UTC" if at else ""
        output.show(f"{one.trigger.kind:<9} {one.trigger.name}  {_when(one)}  {state}{then}")
        rows.append(
            {
                "kind": one.trigger.kind,
                "name": one.trigger.name,
                "state": state,
                "next": at.isoformat() if at else None,
                "request": dict(one.trigger.request),
            }
        )
    if not found:
        output.say("nothing starts this pipeline by itself; add `schedule:` and deploy")
    output.document({"triggers": rows})


def _when(one: Standing) -> str:
    request = one.trigger.request
    if one.trigger.kind == "schedule":
        return f"{request['ScheduleExpression']} {request['ScheduleExpressionTimezone']}"
    return "tells how it ended" if one.trigger.name.endswith("-notify") else "on new data"


def _next_time(one: Standing, now: datetime) -> datetime | None:
    """Return when a cron expression fires next; a rate counts from when it was made."""
    from orchestrator.spec.cron import next_time

    request = one.trigger.request
    expression = str(request.get("ScheduleExpression", ""))
    if not expression.startswith("cron("):
        return None
    zone = str(request["ScheduleExpressionTimezone"])
    return next_time(expression.removeprefix("cron(").removesuffix(")"), zone, now)
