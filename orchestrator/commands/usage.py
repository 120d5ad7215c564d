"""What is wrong with a command line, in the words and the form of every other error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from orchestrator.errors import Problem
from orchestrator.spec.suggest import closest

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_COMMAND = re.compile(r"No such command '(?P<word>.*?)'")
_EXTRA = re.compile(r"Got unexpected extra arguments? \((?P<words>.*)\)")
_VALUE = re.compile(r"'?(?P<value>.*?)'? is not ")


def usage_problem(error: click.ClickException) -> Problem:
    """Return what `error` says: the option or argument, what was found, what to write."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    match error:
        case click.NoSuchOption():
            fix = _meant(error.option_name, error.possibilities or (), context)
            return Problem(error.option_name, "there is no such option", fix)
        case click.BadOptionUsage():
            return _use_problem(error.option_name, takes_one="requires" in error.message)
        case click.MissingParameter(param=click.Parameter() as parameter):
            what = f"{_name(parameter)} is missing"
            return Problem(_command(context), what, _addition(parameter, context))
        case click.BadParameter(param=click.Parameter() as parameter):
            return _value_problem(parameter, error.format_message())
    said = error.format_message().rstrip(".")
    unknown, extra = _NO_COMMAND.match(said), _EXTRA.match(said)
    if unknown:
        return _no_command(unknown["word"], context)
    if extra:
        what = f"it takes no more arguments, found '{extra['words']}'"
        return Problem(_command(context), what, _usage(context))
    return Problem(_command(context), said[:1].lower() + said[1:], _usage(context))


def _use_problem(option: str, *, takes_one: bool) -> Problem:
    if takes_one:
        return Problem(option, "its value is missing", f"Write `{option} VALUE`.")
    return Problem(option, "it takes no value", f"Write `{option}` alone.")


def _addition(parameter: click.Parameter, context: click.Context | None) -> str:
    if not isinstance(parameter, click.Option):
        return _usage(context)
    return f"Add `{parameter.opts[0]} {parameter.metavar or 'VALUE'}`."


def _value_problem(parameter: click.Parameter, message: str) -> Problem:
    said = message.partition(": ")[2] or message
    found = _VALUE.match(said)
    wanted = _wanted(parameter.type)
    if found is None or not wanted:
        return Problem(_name(parameter), said.rstrip("."))
    what = f"expected {wanted}, found '{found['value']}'"
    known = parameter.type.choices if isinstance(parameter.type, click.Choice) else ()
    close = closest(found["value"], map(str, known))
    return Problem(_name(parameter), what, f"Did you mean '{close}'?" if close else "")


def _wanted(kind: object) -> str:
    match kind:
        case click.Choice():
            return f"one of {', '.join(map(str, kind.choices))}"
        case click.IntRange():
            return f"a whole number {_range(kind.min, kind.max)}"
        case click.FloatRange():
            return f"a number {_range(kind.min, kind.max)}"
    return ""


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"of at least {least:g}"
    return f"from {least:g} to {most:g}"


def _no_command(word: str, context: click.Context | None) -> Problem:
    group = context.command if context else None
    known: Iterable[str] = ()
    if context is not None and isinstance(group, click.Group):
        known = group.list_commands(context)
    return Problem(_command(context), f"there is no command '{word}'", _meant(word, known, context))


def _meant(word: str, known: Iterable[str], context: click.Context | None) -> str:
    close = closest(word, known)
    return f"Did you mean '{close}'?" if close else f"`{_command(context)} --help` lists them."


def _usage(context: click.Context | None) -> str:
    if context is None:
        return ""
    pieces = context.command.collect_usage_pieces(context)
    return f"Write `{' '.join([context.command_path, *pieces])}`."


def _command(context: click.Context | None) -> str:
    return context.command_path if context else "fmo"


def _name(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else _shown(parameter)


def _shown(argument: click.Parameter) -> str:
    return argument.metavar or argument.human_readable_name
