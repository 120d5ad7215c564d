"""`models`: what is registered, here or on AWS, and whether it may be used."""

from __future__ import annotations

import json
from dataclasses import asdict
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from orchestrator.commands.models_recipe import recipe
from orchestrator.commands.options import home_option, json_option
from orchestrator.commands.terminal import JSON_INDENT, Output
from orchestrator.errors import InputError, Problem
from orchestrator.results.figures import number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from orchestrator.results.model import Json
    from orchestrator.results.registered import RegisteredModel

APPROVAL = {"PendingManualApproval": "pending", "Approved": "approved", "Rejected": "rejected"}
LONGEST_NOTE = 1024
"""Characters of an ApprovalDescription (UpdateModelPackage)."""

registry_option = click.option(
    "--env", metavar="NAME", help="The registry of an environment's account, not this machine's."
)
note_option = click.option("--note", metavar="TEXT", help="Why; kept with the version.")


class ModelsGroup(click.Group):
    """Shows models unless another command is named: `fmo models` and `fmo models NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `args` as those of `show` if they begin with no command."""
        named = args and args[0] in {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if named else ["show", *args])


@click.group(cls=ModelsGroup)
def models() -> None:
    """List registered models, approve them, and put them to use.

    `fmo models` and `fmo models NAME` are `fmo models show`.
    """


@models.command()
@click.argument("model", required=False)
@registry_option
@home_option
@json_option
def show(model: str | None, env: str | None, home_path: Path, *, as_json: bool) -> None:
    """List the registered models, or show one with its model card.

    MODEL is a name in the list, its newest version, or NAME/VERSION.
    """
    from rich.text import Text

    from orchestrator.commands import registries
    from orchestrator.results.notes import metrics_note
    from orchestrator.results.tables import new_table

    output = Output(as_json=as_json)
    registry = registries.registry_of(env, home_path)
    if model is not None:
        one = registry.find(model)
        output.show(*map(Text, _model_lines(one, registry.weights_of(one))))
        output.document(model_to_json(one))
        return
    found = registry.list()
    table = new_table()
    for heading in ("model", "status", "registered", "metrics"):
        table.add_column(heading, overflow="fold")
    for one in found:
        cells = (one.name, _status(one), _minute(one.created_at))
        table.add_row(*map(Text, cells), Text(metrics_note(one.metrics, most=2)))
    output.show(table if found else f"no models in {registry.place}")
    output.document([model_to_json(one) for one in found])


@models.command()
@click.argument("model", metavar="NAME/VERSION")
@note_option
@registry_option
@home_option
@json_option
def approve(
    model: str, note: str | None, env: str | None, home_path: Path, *, as_json: bool
) -> None:
    """Say that a version may be used: `$registry.NAME.approved` finds the newest of these."""
    _decide(model, "Approved", note, env, home_path, Output(as_json=as_json))


@models.command()
@click.argument("model", metavar="NAME/VERSION")
@note_option
@registry_option
@home_option
@json_option
def reject(
    model: str, note: str | None, env: str | None, home_path: Path, *, as_json: bool
) -> None:
    """Say that a version must not be used; if it was approved, the one before it is found again."""
    _decide(model, "Rejected", note, env, home_path, Output(as_json=as_json))


def _decide(
    text: str, status: str, note: str | None, env: str | None, home_path: Path, output: Output
) -> None:
    from orchestrator.commands import registries

    if note is not None and (len(note) > LONGEST_NOTE or "\n" in note):
        what = f"a note is one line of at most {LONGEST_NOTE} characters"
        raise InputError(Problem("--note", what, "Write a shorter one, and say where the rest is."))
    registry = registries.registry_of(env, home_path)
    model = registry.find(text)
    if text != model.name:
        what = f"'{text}' names no version"
        raise InputError(Problem("", what, f"Write {model.name} for the newest."))
    registry.set_approval(model, status, note)
    output.show(f"{model.name}: {_word(status)} (was {_status(model)})")
    output.document(model_to_json(registry.find(text)))


models.add_command(recipe)


def model_to_json(model: RegisteredModel) -> Json:
    """Return a version as `--json` prints it."""
    document: Any = {**asdict(model), "created_at": model.created_at.isoformat()}
    # A package of AWS holds times.
    text: Json = json.loads(json.dumps(document, default=str))
    return text


def _status(model: RegisteredModel) -> str:
    return _word(model.approval_status)


def _word(status: str) -> str:
    return APPROVAL.get(status, status)


def _model_lines(model: RegisteredModel, weights: Mapping[str, Path | None] | None) -> list[str]:
    card = json.dumps(model.model_card, indent=JSON_INDENT, ensure_ascii=False)
    said = f" ({model.approval_description})" if model.approval_description else ""
    by = f" by {model.step} of {model.execution_id}" if model.execution_id else ""
    return [
        f"{model.name}: {model.approval_status}{said}",
        f"registered  {_minute(model.created_at)}{by}",
        *_weights_lines(model, weights),
        *(["metrics"] if model.metrics else []),
        *_metric_lines(model.metrics),
        "no model card" if model.model_card is None else f"model card\n{indent(card, '  ')}",
    ]


def _weights_lines(model: RegisteredModel, weights: Mapping[str, Path | None] | None) -> list[str]:
    if weights is None:  # They are on AWS.
        return [f"weights     {uri}" for uri in model.artifacts]
    return [
        f"weights     {uri}\n            {path or 'not in the store any more'}"
        for uri, path in weights.items()
    ]


def _metric_lines(metrics: Mapping[str, float]) -> list[str]:
    """Return one line for each metric, its interval behind it."""
    from orchestrator.results.metric_rows import metric_rows

    lines = []
    for row in metric_rows(dict(sorted(metrics.items()))):
        has_interval = row.low is not None and row.high is not None
        spread = f" ({number(row.low)} to {number(row.high)})" if has_interval else ""
        lines.append(f"  {row.name}: {number(row.value)}{spread}")
    return lines


def _minute(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
