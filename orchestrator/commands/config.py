"""`config show`: a step's fields, and which layer each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import env_option, json_option, set_option, spec_argument
from orchestrator.commands.terminal import Output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@click.group()
def config() -> None:
    """Say where the values of a spec come from."""


@config.command()
@spec_argument
@click.argument("step")
@set_option
@env_option
@json_option
def show(
    file: Path,
    step: str,
    overrides: Mapping[str, str],
    env: str | None,
    *,
    as_json: bool,
) -> None:
    """Show a step's fields, and where each value came from.

    That is a line of the spec or of a file that it includes, --set, the defaults of fmo.yaml or
    of its environment, or the step kind's own default.
    """
    from rich.text import Text

    from orchestrator import specs
    from orchestrator.results.tables import new_table
    from orchestrator.spec.provenance import fields_of_step

    output = Output(as_json=as_json)
    loaded, _ = specs.load_file(file, overrides, env)
    fields = fields_of_step(loaded, step, file)
    table = new_table(f"{step}: {loaded.spec.steps[step].kind}")
    for heading in ("field", "value", "from"):
        table.add_column(heading, overflow="fold")
    for field in fields:
        style = "dim" if field.layer == "built-in default" else ""
        table.add_row(*(Text(cell, style) for cell in (field.name, field.text, field.source)))
    output.show(table)
    output.document(
        {
            "file": str(file),
            "step": step,
            "environment": env,
            "fields": [field.to_json() for field in fields],
        }
    )
