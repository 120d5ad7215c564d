"""What `fmo` says about itself."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli import GROUPS, fmo

COMMANDS = sorted(
    f"{name} {inner}" if inner else name
    for name, command in fmo.commands.items()
    for inner in (command.commands if isinstance(command, click.Group) else ("",))
)
"""Those of a group with its name, as `data check`."""
DOCS = Path(__file__).parents[3] / "docs" / "commands"


def help_of(*arguments: str, width: int = 80) -> str:
    # click would take the width of the terminal that runs the tests.
    done = CliRunner().invoke(fmo, [*arguments, "--help"], terminal_width=width, prog_name="fmo")
    assert done.exit_code == 0
    return done.output


def found(name: str) -> click.Command:
    command: click.Command = fmo
    for part in name.split():
        assert isinstance(command, click.Group)
        command = command.commands[part]
    return command


def test_help_lists_every_command_once_in_its_group() -> None:
    text = help_of()
    for title, commands in GROUPS.items():
        assert f"\n{title}:\n" in text
        for command in commands:
            assert text.count(f"\n  {command.name} ") == 1
    grouped = [str(command.name) for commands in GROUPS.values() for command in commands]
    assert sorted(grouped) == sorted(fmo.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_each_option(name: str) -> None:
    text = help_of(*name.split())
    assert text.startswith(f"Usage: fmo {name} ")
    command = found(name)
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", [60, 100])
def test_help_fits_the_terminal(name: str, width: int) -> None:
    assert max(len(line) for line in help_of(*name.split(), width=width).splitlines()) <= width


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_with_its_current_help(name: str) -> None:
    page = (DOCS / f"{name.split()[0]}.md").read_text(encoding="utf-8")
    assert help_of(*name.split()).strip() in page, (
        f"paste the output of `fmo {name} --help` into the page"
    )


def test_every_command_takes_json() -> None:
    for name in COMMANDS:
        assert any("--json" in parameter.opts for parameter in found(name).params), name
