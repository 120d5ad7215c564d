"""`otherwise: stop` and `count_new_rows`: what the definition says, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.sources import gather_sources
from orchestrator.definition.model import Step, walk
from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec

SPEC = """\
name: weekly
parameters:
  Rows: {type: S3Uri, default: s3://lake/rows/}
steps:
  split:
    kind: dataset
    data: $params.Rows
    %s
  fit:
    kind: train
    objective: sft
    model_name_or_path: s3://lake/model/
    data: $split
"""
COUNTED = "count_new_rows: true\n    gates: {min: {new_rows: 9}, otherwise: stop}"


def steps(spec: str) -> dict[str, Step]:
    plan, _ = build_plan(load_spec(spec))
    compiled = compile_plan(plan, LOCAL, gather_sources(plan, Path(), LOCAL))
    return {found.step.name: found.step for found in walk(compiled.definition.steps)}


def test_a_gate_that_stops_has_nothing_to_run_else() -> None:
    found = steps(SPEC % "gates: {min: {rows: 9}, otherwise: stop}")
    assert list(found) == ["split", "split-gate", "fit"]
    assert found["split-gate"].else_steps == ()
    assert "split-gate-failed" in steps(SPEC % "gates: {min: {rows: 9}}")


def test_rows_are_remembered_after_everything_beside() -> None:
    found = steps(SPEC % COUNTED)
    remembers = found["split-known"]
    assert remembers.depends_on == ("fit",)
    assert remembers.cache is None
    uri = "s3://fmo-local/fmo/known/weekly/split/"
    written: Any = remembers.arguments["ProcessingOutputConfig"]
    assert [one["S3Output"]["S3Uri"] for one in written["Outputs"]] == [uri]
    read: Any = found["split"].arguments["ProcessingInputs"]
    assert {one["InputName"]: one["S3Input"]["S3Uri"] for one in read}["known"] == uri
    assert found["split"].cache is None


def test_what_is_compared_with_is_there_before_the_first_execution() -> None:
    plan, _ = build_plan(load_spec(SPEC % COUNTED))
    compiled = compile_plan(plan, LOCAL, gather_sources(plan, Path(), LOCAL))
    assert "s3://fmo-local/fmo/known/weekly/split/" in {asset.uri for asset in compiled.assets}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "count_new_rows: true",
            "steps.split.count_new_rows: no gate of this step bounds `new_rows`. Write `gates: "
            "{min: {new_rows: 1000}, otherwise: stop}`, for example.",
        ),
        (
            "gates: {min: {new_rows: 9}}",
            "steps.split.gates: nothing counts `new_rows`. Add `count_new_rows: true`.",
        ),
        (
            "gates: {otherwise: stop}",
            "steps.split.gates.otherwise: there is no bound to miss. Add `min:` or `max:`.",
        ),
    ],
)
def test_a_count_and_its_gate_need_each_other(written: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        steps(SPEC % written)
    assert str(caught.value) == said


def test_a_count_that_nothing_would_remember_is_refused() -> None:
    alone = SPEC[: SPEC.index("  fit:")] % COUNTED
    with pytest.raises(SpecError, match=r"steps\.split\.count_new_rows: only other gates lie"):
        steps(alone)
