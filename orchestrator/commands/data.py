"""`data check` and `data mask`: what is in rows, and what of them is learned."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, home_option, json_option
from orchestrator.commands.terminal import Output
from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ("messages", "prompt-completion", "text", "preference")


@click.group()
def data() -> None:
    """Look at data, and at what a training learns of it."""


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


@data.command()
@click.argument("path", type=PATH, metavar="FILE|FOLDER|SPEC")
@click.option(
    "--step", metavar="NAME",
    help="With a spec: the step of kind train whose rows, model and settings are taken, if "
    "there are several.",
)  # fmt: skip
@click.option(
    "--model", metavar="MODEL",
    help="Whose tokenizer: a folder, a registered model, or EXECUTION/STEP.",
)  # fmt: skip
@click.option(
    "--rows", default=3, show_default=True, type=click.IntRange(min=1), help="Rows to show.",
)  # fmt: skip
@click.option(
    "--max-length", type=click.IntRange(min=1),
    help="Tokens that a row may have. [default: 1024, or as in the step]",
)  # fmt: skip
@click.option("--truncate", is_flag=True, help="Cut longer rows, as `truncate: true` does.")
@click.option(
    "--prompt-template", metavar="NAME",
    help="How prompts are worded, as in kind dataset. [default: as in the spec, in MODEL's "
    "training, or plain]",
)  # fmt: skip
@click.option(
    "--no-completion-only-loss", "whole_loss", is_flag=True,
    help="Learn prompts, too, as `completion_only_loss: false` does.",
)  # fmt: skip
@home_option
@json_option
@click.pass_context
def mask(
    context: click.Context,
    path: Path,
    step: str | None,
    model: str | None,
    rows: int,
    max_length: int | None,
    prompt_template: str | None,
    home_path: Path,
    *,
    truncate: bool,
    whole_loss: bool,
    as_json: bool,
) -> None:
    """Show every token of a few rows as trained or masked.

    And whether a server, given the row's prompt, begins with the tokens that training begins
    with. The exit code is 1 if it does not, or if a row has no token to learn.
    """
    from orchestrator.commands import executions, mask_source, mask_view
    from orchestrator.local.data_mask import mask_data

    output = Output(as_json=as_json)
    changes = mask_source.Changes(prompt_template, max_length, truncate, whole_loss)
    home = executions.open_home(home_path)
    asked = mask_source.find(path, step, model, home, changes)
    found = mask_data(asked.data, asked.model, asked.masking, os.environ, rows=rows)
    output.show(*mask_view.parts(found, output.results))
    output.document(found)
    context.exit(0 if mask_view.is_well(found) else 1)
