"""Pipelines in Python: the same models, plans and bytes as from YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

import orchestrator
from orchestrator import Pipeline, flow, load, steps
from orchestrator.errors import InputError, SpecError
from orchestrator.spec.fields import Gates
from orchestrator.spec.gate import GateConditionSpec
from orchestrator.spec.load import load_spec

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


def test_a_schedule_is_checked_as_that_of_a_file_is() -> None:
    pipeline = Pipeline("weekly", schedule={"rate": "7 day"}, notify={"on_status": ["Failed"]})
    pipeline.add("split", steps.dataset(data="s3://lake/rows/"))
    with pytest.raises(SpecError, match=r"schedule\.rate: '7 day' is refused by AWS\. Write '7 d"):
        pipeline.spec()
    pipeline.schedule = {"rate": "7 days"}
    assert "rate: 7 days" in pipeline.to_yaml()
    assert pipeline.spec().notify is not None


def test_python_writes_the_yaml_that_it_would_be() -> None:
    assert build().to_yaml() == YAML


def test_the_package_offers_its_names() -> None:
    assert dir(orchestrator) == ["Pipeline", "PipelineSpec", "__version__", "load", "steps"]
    assert isinstance(build().spec(), orchestrator.PipelineSpec)
    assert orchestrator.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'pipeline_'"):
        _ = orchestrator.pipeline_


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "support.yaml"
    path.write_text(YAML, encoding="utf-8")
    return path


def test_a_file_is_loaded_with_overrides(file: Path) -> None:
    overrides = {
        "steps.split.max_rows": 3,
        "steps.sft.packing": False,
        "steps.split.format": "text",
    }
    spec = orchestrator.load(file, overrides=overrides).spec()
    assert spec.steps["split"].model_dump()["max_rows"] == 3
    assert spec.steps["split"].model_dump()["format"] == "text"
    assert spec.steps["sft"].model_dump()["packing"] is False


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(SpecError, match=r"there is no file 'no\.yaml'\. Check the path\."):
        orchestrator.load("no.yaml")


def test_a_loaded_file_writes_itself(file: Path) -> None:
    assert orchestrator.load(file).to_yaml() == YAML
    overrides = {"steps.split.data": "./other"}
    assert orchestrator.load(file, overrides=overrides).to_yaml() == YAML.replace(
        "./tickets", "./other"
    )


def test_steps_are_added_to_what_a_file_says(file: Path) -> None:
    pipeline = Pipeline.from_yaml(file)
    pipeline.parameter("More", "S3Uri", default="s3://acme/more/")
    pipeline.add("more", steps.dataset(data="$params.More"))
    assert pipeline.step_names == ("split", "sft", "exam", "go", "publish", "more")
    assert list(pipeline.spec().parameters) == ["Rate", "More"]
    assert repr(pipeline) == "Pipeline('support', steps: split, sft, exam, go, publish, more)"
    with pytest.raises(SpecError, match=r"steps\.split: a step of this name was added"):
        pipeline.add("split", steps.dataset(data="./x"))


PROJECT = """\
defaults: {train: {lora_r: 8}, dataset: {max_rows: 7}}
environments:
  prod:
    region: eu-central-1
    role_arn: arn:aws:iam::222222222222:role/fmo
    bucket: acme-prod
    defaults: {train: {lora_r: 64}}
"""


def test_the_defaults_of_the_project_hold_and_are_not_written(file: Path) -> None:
    file.with_name("fmo.yaml").write_text(PROJECT, encoding="utf-8")
    pipeline = orchestrator.load(file)
    ranks = [pipeline.spec(env).steps["sft"].model_dump()["lora_r"] for env in (None, "prod")]
    assert ranks == [8, 64]
    assert pipeline.to_yaml() == YAML
    with pytest.raises(InputError, match="there is no environment 'prd'"):
        pipeline.spec("prd")


def test_the_project_of_the_working_folder_holds_for_what_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fmo.yaml").write_text(PROJECT, encoding="utf-8")
    assert build().spec().steps["split"].model_dump()["max_rows"] == 7
    assert build().to_yaml() == YAML


def test_problems_of_a_loaded_file_have_its_lines(file: Path) -> None:
    pipeline = orchestrator.load(file)
    pipeline.add("again", steps.dataset(data="$nope"))
    with pytest.raises(SpecError) as caught:
        pipeline.validate()
    assert "steps.again.data: there is no step 'nope'." in str(caught.value)
    with pytest.raises(SpecError) as caught:
        orchestrator.load(file).validate()
    assert f"{file}:10: steps.split.data: there is no file or folder" in str(caught.value)


def test_a_definition_in_place_of_a_spec_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"Version": "2020-12-01", "Steps": []}', encoding="utf-8")
    with pytest.raises(SpecError, match="this is a pipeline definition, not a spec"):
        orchestrator.load(path)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"text": "one row"}\n', encoding="utf-8")
    path = tmp_path / "small.yaml"
    path.write_text("name: small\nsteps:\n  split: {kind: dataset, data: ./rows.jsonl}\n")
    return path


def test_a_pipeline_compiles_to_the_bytes_of_its_file(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline("small")
    pipeline.add("split", steps.dataset(data="./rows.jsonl"))
    monkeypatch.chdir(small.parent)
    assert pipeline.validate() == ()
    assert pipeline.compile() == flow.compile_file(small, {}).data == load(small).compile()
    assert [step.name for step in pipeline.plan().steps] == ["split"]


def test_a_pipeline_compiles_for_an_account(small: Path) -> None:
    role, region = "arn:aws:iam::111122223333:role/fmo", "eu-central-1"
    data = load(small).compile(bucket="acme", role_arn=role, region=region)
    assert b"s3://acme/fmo/" in data
    small.with_name("fmo.yaml").write_text(PROJECT, encoding="utf-8")
    assert b"s3://acme-prod/fmo/" in load(small).compile("prod")
    assert b"s3://mine/fmo/" in load(small).compile("prod", bucket="mine")
    missing = r"role_arn and region missing\. Give all three, or env, or none for this machine\."
    with pytest.raises(InputError, match=missing):
        load(small).compile(bucket="acme")


def test_a_table_stands_where_a_step_names_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FMO_HOME", str(tmp_path / "home"))
    rows = [{"prompt": "a", "completion": "b"}]
    split = steps.dataset(data=rows)
    own = steps.processing(script="./x.py", inputs={"rows": rows, "other": "./other"})
    assert Path(split.data).read_text() == '{"prompt": "a", "completion": "b"}\n'
    assert own.inputs == {"rows": split.data, "other": "./other"}
    pipeline = Pipeline("tables")
    named = pipeline.data("tickets", rows)
    assert named == str(Path(split.data).with_name("tickets.jsonl"))
    pipeline.add("split", split)
    path = tmp_path / "tables.yaml"
    path.write_text(pipeline.to_yaml())
    assert load(path).spec() == pipeline.spec()
    assert load(path).compile() == pipeline.compile()


def test_a_list_that_names_no_data_stays_a_list() -> None:
    condition = {"metric": "$exam.metrics.accuracy", "min": 0.6}
    assert steps.gate(conditions=[condition], passes={"m": "$exam"}).conditions[0].min == 0.6
    with pytest.raises(SpecError, match="data: expected"):
        steps.dataset(data=["./a", "./b"])


def test_a_pipeline_shows_its_steps_or_what_is_wrong_with_them(small: Path) -> None:
    html = load(small)._repr_html_()
    assert "split: dataset, waiting" in html
    pipeline = Pipeline("<b>x")
    pipeline.add("split", steps.dataset(data="$nope"))
    html = pipeline._repr_html_()
    assert "there is no step &#x27;nope&#x27;" in html
    assert "<b>x" not in html


def test_an_error_is_shown_in_a_notebook_without_frames() -> None:
    with pytest.raises(SpecError) as caught:
        steps.dataset(data="x", formt="text")
    shown = caught.value._render_traceback_()
    assert [line.partition(":")[0] for line in shown] == ["FMO110 data", "FMO110 formt"]


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
