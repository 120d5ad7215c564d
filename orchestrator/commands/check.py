"""`validate`, `plan`, `compile`, `schema`: everything that starts nothing."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, env_option, json_option, set_option, spec_argument
from orchestrator.commands.terminal import JSON_INDENT, Output
from orchestrator.results.figures import plural

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.results.model import Json


@click.command()
@spec_argument
@set_option
@env_option
@json_option
def validate(file: Path, overrides: Mapping[str, str], env: str | None, *, as_json: bool) -> None:
    """Check a spec or a definition, and report every problem at once.

    With --env it is checked as that environment runs it, against the policy of fmo.yaml.
    """
    from orchestrator import flow

    output = Output(as_json=as_json)
    prepared = flow.prepare_file(file, overrides, env)
    output.warn(prepared.warnings)
    steps = f"{plural(len(prepared.plan.steps), 'step')}, " if prepared.plan else ""
    output.show(f"{file}: {steps}{plural(len(prepared.warnings), 'warning')}, no errors")
    warnings: list[Json] = [str(problem) for problem in prepared.warnings]
    output.document({"file": str(file), "valid": True, "warnings": warnings})


@click.command()
@spec_argument
@set_option
@env_option
@json_option
def plan(file: Path, overrides: Mapping[str, str], env: str | None, *, as_json: bool) -> None:
    """Show a spec's steps in order, with what they read and make."""
    from orchestrator import flow
    from orchestrator.commands import plan_view

    output = Output(as_json=as_json)
    planned, warnings = flow.plan_file(file, overrides, env)
    output.warn(warnings)
    if as_json:
        output.document(plan_view.plan_to_json(planned))
    else:
        output.show(*plan_view.plan_tables(planned, width=output.results.width))


@click.command(name="compile")
@spec_argument
@set_option
@env_option
@click.option("-o", "--output", "target", type=PATH, help="Write here, not to stdout.")
@click.option("--bucket", help="For AWS: where code, data and outputs live.")
@click.option("--role-arn", help="For AWS: the jobs' execution role.")
@click.option("--region", help="For AWS: decides which images are used.")
@json_option
def compile_command(
    file: Path,
    overrides: Mapping[str, str],
    env: str | None,
    target: Path | None,
    bucket: str | None,
    role_arn: str | None,
    region: str | None,
    *,
    as_json: bool,
) -> None:
    """Compile a spec to its SageMaker Pipelines definition.

    The same spec gives the same bytes, on every machine. --env takes bucket, role, region,
    network and tags from fmo.yaml; --bucket, --role-arn and --region win over it. With none of
    them, the definition is the one that `fmo run` runs on this machine.
    """
    from orchestrator import flow
    from orchestrator.commands.writing import write_file
    from orchestrator.compiler.environment import target_of

    output = Output(as_json=as_json)
    named = {"bucket": bucket, "role_arn": role_arn, "region": region}
    given = {name: value for name, value in named.items() if value}
    prepared = flow.compile_file(file, overrides, target_of(env, given, option="--"))
    output.warn(prepared.warnings)
    if target is None:
        output.write(prepared.data.decode())
        return
    write_file(target, prepared.data)
    digest = hashlib.sha256(prepared.data).hexdigest()
    output.say(f"{target}: {len(prepared.data):,} bytes, sha256 {digest[:12]}")
    output.document({"file": str(target), "bytes": len(prepared.data), "sha256": digest})


@click.command()
@json_option
def schema(*, as_json: bool) -> None:
    """Print the JSON schema of specs, for editors."""
    from orchestrator.spec.load import spec_json_schema

    document = json.dumps(spec_json_schema(), indent=JSON_INDENT, ensure_ascii=False)
    Output(as_json=as_json).write(document + "\n")
