"""Every console example on the commands' pages, typed again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

PAGES = sorted((Path(__file__).parents[3] / "docs" / "commands").glob("*.md"))
BLOCK = re.compile(r"```console\n\$ fmo (?P<command>.*)\n(?P<output>(?:.*\n)*?)```")
LOOKS_BACK = {"resume", "runs", "why", "report", "models"}
ON_AWS = {"deploy", "diff", "schedule", "start", "status", "logs", "pull", "stop"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_print_what_the_page_shows(
    request: pytest.FixtureRequest, fmo: Fmo, page: Path
) -> None:
    if page.stem in ON_AWS:
        fmo = request.getfixturevalue("account")
    if page.stem in ON_AWS - {"deploy", "diff", "schedule"}:
        fmo("deploy", "spec.yaml", "--env", "dev", "--yes")
    if page.stem in ON_AWS - {"deploy", "diff", "schedule", "start"}:
        fmo("start", "spec.yaml", "--env", "dev", "--yes")
    if page.stem == "pull":
        fmo("status", "--watch", "--every", "0.1")
    if page.stem in LOOKS_BACK:
        fmo("run", "spec.yaml", "--param", "Limit=3")
        fmo("run", "spec.yaml", "--param", "Limit=4")
    examples = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    assert examples, f"{page.name} shows no example"
    for example in examples:
        shown = fmo.settled(example["output"])
        assert fmo.typed(example["command"]) == shown, example["command"]
