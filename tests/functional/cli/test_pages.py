"""Every console example on the commands' pages, typed again."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

PAGES = sorted((Path(__file__).parents[3] / "docs" / "commands").glob("*.md"))
BLOCK = re.compile(r"```console\n\$ fmo (?P<command>.*)\n(?P<output>(?:.*\n)*?)```")
LOOKS_BACK = {"resume", "runs", "why", "report", "models"}
VOLATILE = (
    (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d+(\.\d)? s\b"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "DATE"),
    (re.compile(r"─+|\s+"), " "),
)


def settled(text: str, folder: Path) -> str:
    """Return `text` without ids, times, the folder and the widths that follow from them."""
    text = text.replace(str(folder), "/home/me")
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return text.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_print_what_the_page_shows(fmo: Fmo, page: Path) -> None:
    if page.stem in LOOKS_BACK:
        fmo("run", "spec.yaml", "--param", "Limit=3")
        fmo("run", "spec.yaml", "--param", "Limit=4")
    examples = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    assert examples, f"{page.name} shows no example"
    for example in examples:
        line = f"{shlex.quote(sys.executable)} -m orchestrator {example['command']}"
        done = subprocess.run(
            ["bash", "-c", line], cwd=fmo.folder, env=fmo.environment(COLUMNS="80"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        printed = settled(done.stdout.decode(), fmo.folder)
        assert printed == settled(example["output"], fmo.folder), example["command"]
