"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.errors import InputError, Problem
from orchestrator.local.home import DEFAULT_HOME

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


class SystemPath(click.Path):
    """A path that this system can hold; whether anything is there is for the command to say."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return `value` as a path; InputError if it is empty or not UTF-8."""
        del ctx
        where = param.opts[0] if isinstance(param, click.Option) else ""
        if not str(value):
            raise InputError(Problem(where, "the path is empty", "Write one."))
        try:
            # The journal and the pages of reports are UTF-8, and hold whole paths.
            str(Path(value).absolute()).encode()
        except UnicodeEncodeError as error:
            fix = "Rename it, or set LC_ALL=C.UTF-8 if its name is right."
            raise InputError(Problem(where, f"the path '{value}' is not UTF-8", fix)) from error
        except FileNotFoundError as error:
            what = "the folder that this terminal is in does not exist any more"
            raise InputError(Problem("", what, "Go to another one.")) from error
        return Path(value)


PATH = SystemPath()


def pairs(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Return `NAME=VALUE` options as a mapping; the last of a name wins."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, content = value.partition("=")
        option = parameter.opts[0]
        if not equals or not name:
            what = (
                f"{value!r} has no '='" if not equals else f"{value!r} has no name before its '='"
            )
            raise InputError(Problem(option, what, f"Write {option} NAME=VALUE."))
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
        type=PATH, help="Store, journal and executions. Env: FMO_HOME.",
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


def preflight_option(command: F) -> F:
    """Add `--no-preflight`."""
    text = "Do not check role, quotas, images and data before."
    return click.option(
        "--no-preflight", "preflight", is_flag=True, default=True, flag_value=False, help=text
    )(command)


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


spec_argument = click.argument("file", type=PATH, metavar="FILE")
"""A spec, or where the command allows it a definition JSON. Missing files are our own error."""
