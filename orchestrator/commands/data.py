"""`data check`: what is in a file of rows, before there is a spec."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, json_option
from orchestrator.commands.terminal import Output
from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ("messages", "prompt-completion", "text")


@click.group()
def data() -> None:
    """Look at data before there is a spec."""


@data.command()
@click.argument("path", type=PATH, metavar="FILE|FOLDER")
@click.option(
    "--model",
    type=PATH,
    metavar="FOLDER",
    help="A downloaded model: count tokens with its tokenizer.",
)
@click.option(
    "--max-length",
    default=1024,
    show_default=True,
    type=click.IntRange(min=1),
    help="Tokens above which a row would be cut; with --model.",
)
@click.option(
    "--fix",
    type=PATH,
    metavar="OUT",
    help="Write the rows as JSON Lines to a new file, if nothing is lost by it.",
)
@click.option(
    "--to",
    "target",
    type=click.Choice(TARGETS),
    help="The format to write; by default the nearest to what was found.",
)
@json_option
@click.pass_context
def check(
    context: click.Context,
    path: Path,
    model: Path | None,
    max_length: int,
    fix: Path | None,
    target: str | None,
    *,
    as_json: bool,
) -> None:
    """Say what is in a file of rows: format, sizes, repeats, personal data.

    The exit code is 2 if a row cannot be used.
    """
    from orchestrator.commands import data_view
    from orchestrator.local.data_check import Check, check_data

    output = Output(as_json=as_json)
    if target is not None and fix is None:
        raise InputError(Problem("--to", "it says how --fix writes the rows", "Add --fix OUT."))
    asked = Check(path, model, max_length=max_length, fix=fix, target=target)
    found = check_data(asked, os.environ)
    output.show(*data_view.parts(found))
    if fix is not None:
        output.say(data_view.written_line(found, fix))
    output.document(found)
    failure = data_view.failure(found)
    if failure is not None:
        Output(as_json=False).fail(failure)
        context.exit(failure.exit_code)
