"""`init`: a first spec for somebody's own data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.commands.options import PATH, json_option
from orchestrator.commands.terminal import Output
from orchestrator.errors import DataError, InputError, Problem

if TYPE_CHECKING:
    from orchestrator.spec.starter import Objective

LOOKED_AT = 1_000
"""Rows from which format and columns are told."""


@click.command()
@click.argument("objective", type=click.Choice(("sft", "dpo", "pretrain", "continued-pretrain")))
@click.option(
    "--data",
    "data",
    required=True,
    type=PATH,
    metavar="FILE",
    help="Your rows: a file, or a folder of files.",
)
@click.option(
    "--model",
    metavar="ID",
    help="The model to start from: OWNER/NAME of the Hugging Face hub, ./folder or s3://...",
)
@click.option(
    "-o",
    "--output",
    "target",
    default=Path("spec.yaml"),
    show_default=True,
    type=PATH,
    metavar="FILE",
    help="The spec to write.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def init(
    objective: Objective,
    data: Path,
    model: str | None,
    target: Path,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Write a short, commented spec for your own rows.

    The first 1,000 rows tell format and columns. OBJECTIVE is sft (prompts and completions), dpo
    (prompts with a chosen and a rejected answer), pretrain (a new model from text) or
    continued-pretrain (a model, further, on text).
    """
    from orchestrator.commands.writing import write_file
    from orchestrator.spec.starter import Start, starter_spec

    output = Output(as_json=as_json)
    if target.exists() and not force:
        fix = "Name another with -o, or add --force."
        raise InputError(Problem("", f"{target} is there already", fix))
    found = _look(data)
    start = Start(
        objective=objective,
        data=_relative(data, target.parent),
        format=found["format"],
        rows=found["rows"],
        characters=found["characters"]["max"],
        model=_location(model, target.parent),
        columns=found["columns"],
        ties=found["ties"]["rows"],
    )
    text = starter_spec(start, name=data.name.split(".")[0], file=target.name)
    _check(text, target)
    write_file(target, text.encode())
    output.show(f"{target}: {objective} on {data} (format {found['format']})")
    output.say(f"next: fmo validate {target}")
    output.document({"file": str(target), "format": found["format"], "columns": found["columns"]})


def _look(data: Path) -> dict[str, Any]:
    from orchestrator.local.data_check import Check, check_data, problem_of

    found = check_data(Check(data, max_rows=LOOKED_AT), os.environ)
    if found["problems"]["rows"]:
        raise DataError(map(problem_of, found["problems"]["first"]))
    return found


def _check(text: str, target: Path) -> None:
    """Refuse what `fmo validate` would refuse, such as a model id with a blank in it."""
    from orchestrator.plan.build import build_plan
    from orchestrator.spec.load import load_spec

    build_plan(load_spec(text, file=target), file=target)


def _location(model: str | None, folder: Path) -> str | None:
    if model is None or model.startswith(("hf://", "s3://")):
        return model
    is_path = model.startswith(("./", "../", "/")) or Path(model).is_dir()
    return _relative(Path(model), folder) if is_path else f"hf://{model}"


def _relative(path: Path, folder: Path) -> str:
    """Return `path` as a spec in `folder` names it."""
    if path.is_absolute():
        return str(path)
    relative = Path(os.path.relpath(path, folder)).as_posix()
    return relative if relative.startswith("../") else f"./{relative}"
