"""What `register` compiles to: the package, its metrics and its card."""

from __future__ import annotations

import json
from typing import Any

import pytest

GATED = """
steps:
  split: {kind: dataset, data: ./rows}
  sft:
    {kind: train, objective: sft, learning_rate: 1e-4, model_name_or_path: s3://models/base/,
    data: $split}
  exam: {kind: evaluate, model: $sft.model, data: $split.test, gates: {max: {loss.test: 4}}}
  publish:
    kind: register
    model: $exam.model
    model_package_group_name: support
    model_card:
      intended_uses: 'Answer "tickets".'
      out_of_scope_uses: Law.
      license: apache-2.0
      caveats: None known.
"""
BESIDE = GATED.replace("data: $split.test,", "data: $split.test, base_model: s3://models/base/,")
"""The same, where the model under an adapter is known."""
MODEL = [
    {"Get": "Steps.sft.OutputDataConfig.S3OutputPath"},
    "/",
    {"Get": "Steps.sft.TrainingJobName"},
    "/output/model/",
]

DATA = {"Get": "Steps.split.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"}


def card_text(content: Any, value: float) -> str:
    if isinstance(content, str):
        return content
    pieces = content["Std:Join"]["Values"]
    return "".join(piece if isinstance(piece, str) else str(value) for piece in pieces)


def test_the_package_names_the_uncompressed_model_with_a_slash(
    project: Any, arguments_of: Any
) -> None:
    found = arguments_of(project.compile(GATED), "publish")
    (container,) = found["InferenceSpecification"]["Containers"]
    source = container["ModelDataSource"]["S3DataSource"]
    assert source["S3Uri"] == {"Std:Join": {"On": "", "Values": MODEL}}
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None")
    assert "huggingface-pytorch-inference" in container["Image"]


@pytest.mark.parametrize("uri", ["s3://models/base", "s3://models/base/"])
def test_a_literal_prefix_ends_with_one_slash(project: Any, arguments_of: Any, uri: str) -> None:
    text = f"""
    steps:
      publish: {{kind: register, model: {uri}, model_package_group_name: support}}
    """
    found = arguments_of(project.compile(text), "publish")
    container = found["InferenceSpecification"]["Containers"][0]
    assert container["ModelDataSource"]["S3DataSource"]["S3Uri"] == "s3://models/base/"


def test_the_metrics_are_those_of_the_examination(project: Any, arguments_of: Any) -> None:
    found = arguments_of(project.compile(GATED), "publish")
    folder = {"Get": "Steps.exam.ProcessingOutputConfig.Outputs['metrics'].S3Output.S3Uri"}
    assert found["ModelMetrics"]["ModelQuality"]["Statistics"] == {
        "ContentType": "application/json",
        "S3Uri": {"Std:Join": {"On": "", "Values": [folder, "/metrics.json"]}},
    }


def test_the_metrics_of_a_training_step_lie_in_its_model(project: Any, arguments_of: Any) -> None:
    found = arguments_of(project.compile(GATED.replace("$exam.model", "$sft.model")), "publish")
    uri = found["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert uri["Std:Join"]["Values"] == [*MODEL[:-1], "/output/model/metrics.json"]


def test_the_card_is_json_with_what_was_measured_filled_in(project: Any, arguments_of: Any) -> None:
    content = arguments_of(project.compile(GATED), "publish")["ModelCard"]["ModelCardContent"]
    card = json.loads(card_text(content, 3.25))
    assert card["intended_uses"] == {
        "intended_uses": 'Answer "tickets".',
        "risk_rating": "Unknown",
    }
    assert card["additional_information"] == {
        "caveats_and_recommendations": "None known.",
        "custom_details": {"license": "apache-2.0", "out_of_scope_uses": "Law."},
    }
    (exam,) = card["evaluation_details"]
    assert exam["name"] == "exam"
    assert exam["evaluation_observation"] == "gate: loss.test at most 4"
    gates, measured = exam["metric_groups"]
    assert gates == {
        "name": "gates",
        "metric_data": [{"name": "loss.test", "type": "number", "value": 3.25}],
    }
    names = [datum["name"] for datum in measured["metric_data"]]
    assert (measured["name"], names) == ("exam", ["loss", "perplexity", "rows"])


def test_the_card_says_how_the_model_was_trained_and_on_what(
    project: Any, arguments_of: Any
) -> None:
    content = arguments_of(project.compile(GATED), "publish")["ModelCard"]["ModelCardContent"]
    details = json.loads(card_text(content, 5))["training_details"]["training_job_details"]
    assert {"name": "learning_rate", "value": "0.0001"} in details["user_provided_hyper_parameters"]
    assert details["training_datasets"][1] == "s3://models/base/"
    told = {metric["name"]: metric["value"] for metric in details["user_provided_training_metrics"]}
    assert told == {"train/steps": 5, "train/tokens": 5, "train/seconds": 5}
    assert DATA in content["Std:Join"]["Values"]


def test_what_was_measured_is_the_baseline_of_drift_checks(project: Any, arguments_of: Any) -> None:
    found = arguments_of(project.compile(GATED), "publish")
    assert found["DriftCheckBaselines"] == found["ModelMetrics"]
    folder = {"Get": "Steps.split.ProcessingOutputConfig.Outputs['metrics'].S3Output.S3Uri"}
    uri = found["ModelMetrics"]["ModelDataQuality"]["Statistics"]["S3Uri"]
    assert uri["Std:Join"]["Values"] == [folder, "/metrics.json"]


def test_a_package_says_which_model_its_adapter_belongs_to(project: Any, arguments_of: Any) -> None:
    text = BESIDE.replace("data: $split}", "data: $split, method: lora, merge_adapter: false}")
    properties = arguments_of(project.compile(text), "publish")["CustomerMetadataProperties"]
    assert properties["fmo.method"] == "lora-adapter"
    assert properties["fmo.base_model"] == "s3://models/base/"
    assert properties["fmo.step"] == "publish"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("method: dora", "dora"),
        ("method: dora, merge_adapter: false", "dora-adapter"),
        ("method: pissa, merge_adapter: false", "lora-adapter"),
        ("method: prefix_tuning, method_config: {num_virtual_tokens: 4}", "prefix_tuning"),
    ],
)
def test_a_package_says_whether_it_is_whole(
    project: Any, arguments_of: Any, how: str, said: str
) -> None:
    text = BESIDE.replace("data: $split}", f"data: $split, {how}}}")
    properties = arguments_of(project.compile(text), "publish")["CustomerMetadataProperties"]
    assert properties["fmo.method"] == said


def test_a_card_of_several_gates_groups_metrics_by_step(project: Any, arguments_of: Any) -> None:
    text = GATED.replace("data: $split}", "data: $split, gates: {max: {eval/loss: 5, x: 1}}}")
    content = arguments_of(project.compile(text), "publish")["ModelCard"]["ModelCardContent"]
    details = json.loads(card_text(content, 1))["evaluation_details"]
    found = {d["name"]: [m["name"] for m in d["metric_groups"][0]["metric_data"]] for d in details}
    assert found == {"exam": ["loss.test"], "sft": ["eval/loss", "x"]}


def test_a_card_without_gates_still_says_what_the_exam_found(
    project: Any, arguments_of: Any
) -> None:
    text = GATED.replace(", gates: {max: {loss.test: 4}}", "")
    content = arguments_of(project.compile(text), "publish")["ModelCard"]["ModelCardContent"]
    (exam,) = json.loads(card_text(content, 1))["evaluation_details"]
    assert [group["name"] for group in exam["metric_groups"]] == ["exam"]


def test_a_version_has_no_tags_of_its_own(project: Any, arguments_of: Any, prod: Any) -> None:
    found = arguments_of(project.compile(GATED, prod), "publish")
    assert "Tags" not in found
    assert found["SecurityConfig"] == {"KmsKeyId": prod.kms_key_id}
