"""Specs in Python: the same models as from YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orchestrator
from orchestrator import Pipeline, steps
from orchestrator.errors import SpecError
from orchestrator.spec.fields import Gates
from orchestrator.spec.gate import GateConditionSpec
from orchestrator.spec.load import load_spec

if TYPE_CHECKING:
    from pathlib import Path

YAML = """\
name: support
description: Answers tickets
parameters:
  Rate:
    type: Float
    default: 0.0001
steps:
  split:
    kind: dataset
    data: ./tickets
  sft:
    kind: train
    objective: sft
    model_name_or_path: hf://a/b
    data: $split
    learning_rate: $params.Rate
  exam:
    kind: evaluate
    model: $sft
    data: $split.test
    gates:
      min:
        accuracy: 0.5
  go:
    kind: gate
    conditions:
      - metric: $exam.metrics.accuracy
        min: 0.6
    passes:
      model: $exam
  publish:
    kind: register
    model: $go
    model_package_group_name: support
"""


def build() -> Pipeline:
    pipeline = Pipeline("support", description="Answers tickets")
    rate = pipeline.parameter("Rate", "Float", default=1e-4)
    split = pipeline.add("split", steps.dataset(data="./tickets"))
    sft = pipeline.add(
        "sft",
        steps.train(objective="sft", model_name_or_path="hf://a/b", data=split, learning_rate=rate),
    )
    exam = pipeline.add(
        "exam",
        steps.evaluate(model=sft, data=split.output("test"), gates=Gates(min={"accuracy": 0.5})),
    )
    go = pipeline.add(
        "go",
        steps.gate(
            conditions=(GateConditionSpec(metric=exam.metric("accuracy"), min=0.6),),
            passes={"model": exam},
        ),
    )
    pipeline.add("publish", steps.register(model=go, model_package_group_name="support"))
    return pipeline


def test_python_makes_the_spec_that_yaml_makes() -> None:
    assert build().spec() == load_spec(YAML)


def test_python_writes_the_yaml_that_it_would_be() -> None:
    assert build().to_yaml() == YAML


def test_the_package_offers_its_names() -> None:
    assert dir(orchestrator) == ["Pipeline", "PipelineSpec", "__version__", "load", "steps"]
    assert isinstance(build().spec(), orchestrator.PipelineSpec)
    assert orchestrator.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'pipeline_'"):
        _ = orchestrator.pipeline_


def test_a_file_is_loaded_with_overrides(tmp_path: Path) -> None:
    file = tmp_path / "support.yaml"
    file.write_text(YAML, encoding="utf-8")
    spec = orchestrator.load(file, overrides={"steps.split.max_rows": "3"})
    assert spec.steps["split"].model_dump()["max_rows"] == 3


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(SpecError, match=r"'no\.yaml' cannot be read: No such file or directory\."):
        orchestrator.load("no.yaml")


def test_every_wrong_field_of_a_step_is_named_at_once() -> None:
    fields = {"objective": "sft", "model": "hf://a/b", "data": "x", "learning_rat": 1}
    with pytest.raises(SpecError) as caught:
        steps.train(**fields)
    assert [problem.where for problem in caught.value.problems] == ["data", "learning_rat"]
    assert "Did you mean 'learning_rate'?" in str(caught.value)


def test_a_step_name_is_taken_once() -> None:
    pipeline = build()
    with pytest.raises(SpecError, match=r"steps\.split: a step of this name was added"):
        pipeline.add("split", steps.dataset(data="./x"))


def test_a_parameter_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(SpecError, match="default: 'x' is not of type Integer"):
        Pipeline("x").parameter("Rows", "Integer", default="x")


def test_a_pipeline_without_steps_is_refused() -> None:
    with pytest.raises(SpecError, match="steps: expected at least 1 entry"):
        Pipeline("x").spec()
