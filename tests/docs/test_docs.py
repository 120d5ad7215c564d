"""The documents point to files that exist, and nothing public goes without a page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import get_args

import click
import pytest

from orchestrator import errors
from orchestrator.cli import fmo
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec
from orchestrator.spec.pipeline import StepSpec

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, text=True, capture_output=True,
    ).stdout.split()
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_picture_is_there_small_and_described(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert [path for path in shown if not (page.parent / path).is_file()] == []
    assert [path for path in shown if (page.parent / path).stat().st_size > 300_000] == []
    assert [
        tag for tag in re.findall(r"<img [^>]*>", text) if not re.search(r'alt="[^"]+"', tag)
    ] == []


def kinds() -> list[str]:
    union = get_args(StepSpec)[0]
    return sorted(get_args(model.model_fields["kind"].annotation)[0] for model in get_args(union))


@pytest.mark.parametrize("kind", kinds())
def test_every_step_kind_has_a_page(kind: str) -> None:
    assert (ROOT / "docs" / "steps" / f"{kind}.md").is_file()


def test_every_command_has_a_page_that_shows_its_options() -> None:
    for name, command in fmo.commands.items():
        page = (ROOT / "docs" / "commands" / f"{name}.md").read_text(encoding="utf-8")
        assert [option for option in long_options(command) if option not in page] == [], name


def long_options(command: click.Command) -> list[str]:
    """Return the options of a command, or of all commands of a group."""
    if isinstance(command, click.Group):
        return [option for inner in command.commands.values() for option in long_options(inner)]
    return [
        option
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in parameter.opts
        if option.startswith("--")
    ]


def test_every_error_code_is_in_the_tree_of_errors() -> None:
    classes = [errors.FmoError, *all_subclasses(errors.FmoError)]
    codes = {cls.code for cls in classes if cls is not errors.FmoError}
    tree = set(re.findall(r"FMO\d{3}", errors.__doc__ or ""))
    assert codes == tree
    assert len(codes) == len(classes) - 1


def all_subclasses(cls: type) -> list[type]:
    return [found for sub in cls.__subclasses__() for found in [sub, *all_subclasses(sub)]]


def test_the_readme_shows_the_commands_that_the_makefile_has() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    shown = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert shown <= targets
    assert {"demo", "test"} <= shown


def test_the_spec_in_the_readme_is_planned_without_a_warning() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    specs = re.findall(r"```yaml\n(name: .*?)```", text, flags=re.DOTALL)
    assert specs
    for spec in specs:
        _, warnings = build_plan(load_spec(spec))
        assert warnings == ()
