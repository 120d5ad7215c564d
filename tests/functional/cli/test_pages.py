"""Every console example on the commands' pages, typed again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.cli.conftest import Fmo

PAGES = sorted((Path(__file__).parents[3] / "docs" / "commands").glob("*.md"))
BLOCK = re.compile(r"```console\n\$ fmo (?P<command>.*)\n(?P<output>(?:.*\n)*?)```")
LOOKS_BACK = {"resume", "runs", "why", "report", "models"}
ON_AWS = {
    "deploy", "diff", "infra", "schedule", "start", "status", "logs", "pull", "stop", "retry",
}  # fmt: skip
DEPLOYED_BY_ITSELF = {"deploy", "diff", "infra", "schedule"}


def before(page: str) -> Iterator[str]:
    """Yield what was typed before the examples of a page."""
    if page in ON_AWS - DEPLOYED_BY_ITSELF:
        yield "deploy spec.yaml --env dev --yes"
    if page in ON_AWS - DEPLOYED_BY_ITSELF - {"start"}:
        yield "start spec.yaml --env dev --yes"
    if page == "pull":
        yield "status --watch --every 0.1"
    if page == "retry":
        yield from ("status", "stop", "status")
    if page in LOOKS_BACK:
        yield "run spec.yaml --param Limit=3"
        yield "run spec.yaml --param Limit=4"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_print_what_the_page_shows(
    request: pytest.FixtureRequest, fmo: Fmo, page: Path
) -> None:
    if page.stem in ON_AWS:
        fmo = request.getfixturevalue("account")
    for command in before(page.stem):
        fmo(*command.split())
    examples = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    assert examples, f"{page.name} shows no example"
    for example in examples:
        shown = fmo.settled(example["output"])
        assert fmo.typed(example["command"]) == shown, example["command"]
