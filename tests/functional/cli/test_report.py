"""`fmo report`: one execution, and two side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

DATASET = """\
name: tickets
steps:
  split:
    kind: dataset
    data: ./rows.jsonl
    split: {validation: 0.2, test: 0.2}
    gates: {min: {rows_train: 10}}
"""


@pytest.mark.train
def test_a_setting_that_differs_is_named_as_in_the_spec(fmo: Fmo) -> None:
    rows = [f'{{"prompt": "What is {n} and {n}?", "completion": "{n * 2}"}}\n' for n in range(90)]
    (fmo.folder / "rows.jsonl").write_text("".join(rows), encoding="utf-8")
    (fmo.folder / "data.yaml").write_text(DATASET, encoding="utf-8")
    shown = fmo("run", "data.yaml", "--json").document
    page = Path(shown["report"]).read_text(encoding="utf-8")
    assert "90 rows of 90 read" in page
    assert "characters per row" in page
    fmo("run", "data.yaml", "--set", "steps.split.min_characters=17")
    found = fmo("report", "last~1", "last", "--json").document
    (split,) = [step for step in found["steps"] if step["name"] == "split"]
    assert split["changes"] == [{"name": "settings.min_characters", "before": "1", "after": "17"}]


def test_two_executions_are_compared_on_one_page_and_in_one_document(fmo: Fmo) -> None:
    first = fmo("run", "spec.yaml", "--json").document["execution_id"]
    second = fmo("run", "spec.yaml", "--param", "Limit=3", "--json").document["execution_id"]
    ended = fmo("report", first[:6], "last", "--json")
    assert ended.code == 0
    found = ended.document
    assert [found[side]["execution_id"] for side in ("before", "after")] == [first, second]
    assert found["changes"][0] == {"name": "parameter Limit", "before": "5", "after": "3"}
    (rows,) = found["metrics"]
    assert (rows["name"], rows["difference"], rows["verdict"]) == ("rows", -2, "worse")
    steps = {step["name"]: step["same"] for step in found["steps"]}
    assert (steps["count"], steps["again"]) == (False, False)
    page = Path(found["report"])
    assert page.parent.name == second
    assert "B beside A" in page.read_text(encoding="utf-8")


def test_a_comparison_with_a_failed_execution_says_so(fmo: Fmo) -> None:
    fmo("run", "spec.yaml")
    assert fmo("run", "spec.yaml", "--set", "steps.count.gates.min.rows=99").code == 1
    ended = fmo("report", "last~1", "last")
    assert ended.code == 0
    assert "B failed; what it did not reach has no numbers." in ended.stdout
    assert re.search(r"override steps.count.gates.min.rows\s+not there\s+99", ended.stdout)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("last", "nope"), "'nope' fits no execution in"),
        (("last", "last"), "'last' and 'last' are the same execution"),
        (("last~1", "last"), "'last~1' goes further back than the first execution in"),
    ],
)
def test_what_cannot_be_compared_is_wrong_input(fmo: Fmo, pair: tuple[str, str], said: str) -> None:
    fmo("run", "spec.yaml")
    ended = fmo("report", *pair)
    assert ended.code == 2
    assert said in ended.stderr
    assert ended.stdout == ""
