"""The page's spec of two files, as a person would use it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orchestrator
from orchestrator.spec.load import load_spec
from orchestrator.spec.requires import DISTRIBUTION

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

PAGE = (Path(__file__).parents[3] / "docs" / "spec.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def two(fmo: Fmo) -> Fmo:
    for name, text in FILES.items():
        path = fmo.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n{text}", encoding="utf-8")
    (fmo.folder / "tickets").mkdir()
    row = {"prompt": "a", "completion": "b"}
    (fmo.folder / "tickets" / "rows.jsonl").write_text(json.dumps(row) + "\n")
    return fmo


def test_the_spec_of_two_files_compiles_to_the_same_bytes_each_time(two: Fmo) -> None:
    assert sorted(FILES) == ["shared/base.yaml", "support.yaml"]
    first, again = two("compile", "support.yaml"), two("compile", "./support.yaml")
    assert first.code == 0, first.stderr
    assert first.stdout == again.stdout
    assert two("validate", "support.yaml").stdout == (
        "support.yaml: 3 steps, 0 warnings, no errors\n"
    )


def test_config_show_says_what_the_page_says(two: Fmo) -> None:
    shown = two.typed("config show support.yaml sft")
    excerpt = re.findall(r"```text\n( learning_rate.*?)```", PAGE, re.DOTALL)[0]
    for line in excerpt.splitlines():
        assert " ".join(line.split()) in shown


def test_a_spec_for_a_newer_fmo_is_refused_with_the_command_that_helps(two: Fmo) -> None:
    path = two.folder / "support.yaml"
    path.write_text('name: support\nrequires: ">=0.2"\nbeams: 3\n', encoding="utf-8")
    ended = two("validate", "support.yaml")
    (told,) = re.findall(r"^support\.yaml:2: requires: .*$", PAGE, re.MULTILINE)
    assert ended.code == 2
    assert ended.stderr == f"FMO110 {told}\n"
    assert DISTRIBUTION in told


def test_a_problem_in_an_included_file_reaches_the_program_with_its_place(two: Fmo) -> None:
    path = two.folder / "shared" / "base.yaml"
    path.write_text(path.read_text().replace("../tickets/", "../tickts/"), encoding="utf-8")
    (problem,) = two("validate", "support.yaml", "--json").document["error"]["problems"]
    assert (problem["file"], problem["line"]) == ("shared/base.yaml", 5)
    assert problem["where"] == "steps.split.data"


def test_the_schema_knows_both_keys(fmo: Fmo) -> None:
    properties = fmo("schema").document["properties"]
    assert {"include", "requires"} <= set(properties)
    assert properties["include"]["description"].startswith("Other files")


def test_a_spec_is_written_whole(two: Fmo) -> None:
    text = orchestrator.load(two.folder / "support.yaml").to_yaml()
    assert "include" not in text
    assert "data: ./tickets/" in text
    assert load_spec(text).steps["sft"].model_dump()["lora_r"] == 32
