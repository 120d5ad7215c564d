"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.local.home import DEFAULT_HOME

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def pairs(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Return `NAME=VALUE` options as a mapping; the last of a name wins."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, content = value.partition("=")
        if not equals or not name:
            option = parameter.opts[0]
            message = f"{value!r} has no '='. Write {option} NAME=VALUE."
            raise click.BadParameter(message)
        found[name] = content
    return found


def json_option(command: F) -> F:
    """Add `--json`."""
    text = "Print one JSON document on stdout; text for people goes to stderr."
    return click.option("--json", "as_json", is_flag=True, help=text)(command)


def home_option(command: F) -> F:
    """Add `--home`."""
    return click.option(
        "--home", "home_path", envvar="FMO_HOME", default=DEFAULT_HOME, show_default=True,
        type=click.Path(path_type=Path), help="Store, journal and executions. Env: FMO_HOME.",
    )(command)  # fmt: skip


def set_option(command: F) -> F:
    """Add `--set`."""
    return click.option(
        "--set", "overrides", multiple=True, callback=pairs, metavar="PATH=VALUE",
        help="Override a field of the spec, as in steps.sft.learning_rate=1e-4. Repeatable.",
    )(command)  # fmt: skip


def env_option(command: F) -> F:
    """Add `--env`."""
    return click.option(
        "--env", metavar="NAME",
        help="An environment of fmo.yaml: its defaults, account, network and policy.",
    )(command)  # fmt: skip


def required_env_option(command: F) -> F:
    """Add `--env`, which has to be given."""
    return click.option(
        "--env", metavar="NAME", required=True,
        help="The environment of fmo.yaml: account, region, role, bucket, network.",
    )(command)  # fmt: skip


def yes_option(command: F) -> F:
    """Add `--yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Go on without asking.")(command)


def param_option(command: F) -> F:
    """Add `--param`."""
    return click.option(
        "--param", "parameters", multiple=True, callback=pairs, metavar="NAME=VALUE",
        help="Set a pipeline parameter for this execution. Repeatable.",
    )(command)  # fmt: skip


def workers_option(command: F) -> F:
    """Add `--workers`."""
    return click.option(
        "--workers", default=2, show_default=True, type=click.IntRange(1, 64),
        help="How many steps may run at once.",
    )(command)  # fmt: skip


def no_cache_option(command: F) -> F:
    """Add `--no-cache`."""
    text = "Run every step, even where an equal one ran before."
    return click.option("--no-cache", is_flag=True, help=text)(command)


spec_argument = click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
"""A spec, or where the command allows it a definition JSON. Missing files are our own error."""
