"""A training script of the user's, compiled: hyperparameters, metrics, checkpoints, code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.origins import spec_path
from orchestrator.definition.smoke import smoke_argument
from orchestrator.definition.validation import validate

OWN = """
parameters:
  Epochs: {type: Integer, default: 3}
steps:
  rows: {kind: processing, script: ./clean.py, outputs: {kept: csv}}
  fit:
    kind: train
    script: ./train.py
    inputs: {train: $rows.kept, test: ./rows}
    hyperparameters:
      epochs: $params.Epochs
      table: $rows.kept
      rate: 1e-3
      fast: true
      name: small
      word: "true"
      digits: "012"
      quoted: '"x"'
    metric_definitions: {loss: "loss=(.*)", acc: "acc=(.*)"}
    environment: {MODE: strict}
    gates: {max: {loss: 1}}
"""


@pytest.fixture
def fit(project: Any, arguments_of: Any) -> Any:
    project.write(train_py="import words\n", words_py="", unused_py="")
    return arguments_of(project.compile(OWN), "fit")


def test_hyperparameters_are_texts_that_the_toolkit_reads_back(fit: Any) -> None:
    found = fit["HyperParameters"]
    assert found.pop("epochs") == {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}}
    assert "Steps.rows.ProcessingOutputConfig" in json.dumps(found.pop("table"))
    assert found == {
        "rate": "0.001",
        "fast": "true",
        "name": "small",
        "word": '"true"',
        "digits": "012",
        "quoted": '"\\"x\\""',
    }


def test_the_launcher_gets_the_script_and_no_hyperparameters(fit: Any) -> None:
    script, *rest = fit["AlgorithmSpecification"]["ContainerArguments"]
    assert (script, rest) == ("train.py", [smoke_argument()])


def test_metric_definitions_are_the_users_and_none_of_ours(fit: Any) -> None:
    assert fit["AlgorithmSpecification"]["MetricDefinitions"] == [
        {"Name": "loss", "Regex": "loss=(.*)"},
        {"Name": "acc", "Regex": "acc=(.*)"},
    ]


def test_checkpoints_lie_where_the_script_does_not_look_and_without_the_execution(fit: Any) -> None:
    assert fit["CheckpointConfig"] == {
        "S3Uri": "s3://fmo-local/fmo/checkpoints/demo/fit",
        "LocalPath": "/opt/ml/all-checkpoints",
    }


def test_inputs_are_channels(fit: Any) -> None:
    names = [channel["ChannelName"] for channel in fit["InputDataConfig"]]
    assert names == ["code", "test", "train"]


def test_the_code_is_the_launcher_the_script_and_what_it_imports(project: Any, fit: Any) -> None:
    uri = fit["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    (asset,) = [asset for asset in project.compile(OWN).assets if asset.uri == uri]
    assert set(asset.files) == {"config.json", "launch.py", "train.py", "words.py"}
    assert json.loads(asset.files["config.json"]) == {
        "kind": "train",
        "step": "fit",
        "script": "train.py",
        "settings": {},
        "user_script": {
            "distribution": "none",
            "environment": {"MODE": "strict"},
            "metric_definitions": {"loss": "loss=(.*)", "acc": "acc=(.*)"},
        },
    }


def test_a_source_folder_and_requirements_travel_as_they_do_for_processing(project: Any) -> None:
    project.write(job__run_py="", job__shape_json="{}", pins_txt="numpy==2.0\n")
    compiled = project.compile(
        "steps:\n  fit: {kind: train, script: ./job/run.py, source_dir: ./job, "
        "requirements: ./pins_txt}\n"
    )
    (asset,) = compiled.assets
    assert set(asset.files) >= {"run.py", "shape_json", "requirements.txt", "launch.py"}


def test_a_script_without_more_says_no_metrics_and_no_hyperparameters(
    project: Any, arguments_of: Any
) -> None:
    project.write(train_py="")
    compiled = project.compile("steps:\n  fit: {kind: train, script: ./train.py}\n")
    found = arguments_of(compiled, "fit")
    assert "HyperParameters" not in found
    assert "MetricDefinitions" not in found["AlgorithmSpecification"]
    assert validate(compiled.definition, load_shapes()) == ()


def test_a_value_that_sagemaker_refuses_is_told_in_the_words_of_the_spec(project: Any) -> None:
    project.write(train_py="")
    long = "x" * 2501
    compiled = project.compile(
        f"steps:\n  fit: {{kind: train, script: ./train.py, hyperparameters: {{text: {long}}}}}\n"
    )
    (problem,) = validate(compiled.definition, load_shapes())
    assert "it has 2501 characters" in str(problem)
    assert spec_path(problem.where, {"fit"}) == "steps.fit.hyperparameters"


def test_metric_definitions_of_a_processing_step_are_the_launchers_alone(
    project: Any, arguments_of: Any
) -> None:
    compiled = project.compile(
        "steps:\n  a: {kind: processing, script: ./clean.py, outputs: {metrics: json}, "
        "metric_definitions: {rows: 'rows=(.*)'}}\n"
    )
    assert "MetricDefinitions" not in json.dumps(arguments_of(compiled, "a"))
    (asset,) = compiled.assets
    told = json.loads(asset.files["config.json"])["user_script"]
    assert told == {"metric_definitions": {"rows": "rows=(.*)"}}
