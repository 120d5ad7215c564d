"""The page about the definition tells the truth."""

import json
import re
from pathlib import Path

from orchestrator.definition.expressions import EXECUTION_VARIABLES
from orchestrator.definition.reader import parse_definition

PAGE = (Path(__file__).parents[3] / "docs" / "definition.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_json_on_the_page_is_a_definition():
    (block,) = blocks("json")
    assert parse_definition(block.encode()).parameters[0].name == "Least"
    assert json.loads(block)["Version"] == "2020-12-01"


def test_the_python_on_the_page_runs():
    (block,) = blocks("python")
    exec(compile(block, "docs/definition.md", "exec"), {})  # noqa: S102 - our own page


def test_every_execution_variable_is_on_the_page():
    assert all(f"`{name}`" in PAGE for name in EXECUTION_VARIABLES)
