"""Steps of kind `bedrock` and `bedrock_import` ask for what Bedrock takes, through the bridge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from orchestrator.compiler.kinds.bedrock import CUSTOMIZATION_OUTPUTS, IMPORT_OUTPUTS
from orchestrator.errors import SpecError

TUNED = "kind: bedrock, data: $split, base_model_identifier: "
SPEC = f"""
steps:
  split: {{kind: dataset, data: ./rows}}
  pre: {{{TUNED}amazon.titan-text-lite-v1, customization_type: continued_pre_training}}
  fine: {{{TUNED}amazon.nova-lite-v1:0:300k, customization_type: fine_tuning,
    validation_data: $split,
    hyper_parameters: {{epochCount: 2, learningRate: 0.00001}}}}
  distilled: {{{TUNED}amazon.nova-micro-v1:0:128k, customization_type: distillation,
    teacher_model_identifier: amazon.nova-pro-v1:0, max_response_length_for_inference: 9}}
  graded: {{{TUNED}amazon.nova-2-lite-v1:0, customization_type: reinforcement_fine_tuning,
    lambda_arn: "arn:aws:lambda:us-east-1:123456789012:function:grade",
    hyper_parameters: {{batchSize: 16, reasoningEffort: low}}}}
  trained: {{kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}}
  taken: {{kind: bedrock_import, model: $trained}}
"""


def resolved(value: Any) -> Any:
    """Return `value` with a text in place of each expression."""
    if isinstance(value, dict):
        if set(value) & {"Get", "Std:Join"}:
            return "s3://bucket/key"
        return {name: resolved(item) for name, item in value.items()}
    return [resolved(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("step", ["pre", "fine", "distilled", "graded", "taken"])
def test_a_request_is_one_that_bedrock_takes(
    project: Any, prod: Any, arguments_of: Any, step: str
) -> None:
    found = arguments_of(project.compile(SPEC, prod), step)
    request = {**resolved(found["request"]), "jobName": "key", "clientRequestToken": "key"}
    client = boto3.client(
        "bedrock",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - the stub sends nothing
    )
    arn = "arn:aws:bedrock:us-east-1:123456789012:job/abcdefghijkl"
    with Stubber(client) as stub:
        if found["service"] == "bedrock":
            stub.add_response("create_model_customization_job", {"jobArn": arn})
            client.create_model_customization_job(customModelName="key", **request)
        else:
            stub.add_response("create_model_import_job", {"jobArn": arn})
            client.create_model_import_job(importedModelName="key", **request)


def test_a_step_declares_what_the_bridge_answers(project: Any, prod: Any, steps_of: Any) -> None:
    steps = steps_of(project.compile(SPEC, prod))
    for name, outputs in (("fine", CUSTOMIZATION_OUTPUTS), ("taken", IMPORT_OUTPUTS)):
        declared = [item["OutputName"] for item in steps[name].extra["OutputParameters"]]
        assert declared == sorted(outputs)
        assert steps[name].extra["SqsQueueUrl"] == prod.callback_queue_url


def test_without_the_queue_of_the_bridge_a_step_says_how_to_get_one(
    project: Any, prod: Any
) -> None:
    with pytest.raises(SpecError) as error:
        project.compile(SPEC, replace(prod, callback_queue_url=None))
    first = error.value.problems[0]
    assert first.where == "steps.pre.kind"
    assert first.what == ("kind 'bedrock' needs the bridge, and environment 'prod' names no queue")
    assert first.fix == ("Run `fmo infra deploy`, or write its `callback_queue_url` into fmo.yaml.")


def test_a_smoke_run_checks_the_data_and_customizes_nothing(project: Any) -> None:
    definition = project.compile(SPEC).definition
    top = [step.name for step in definition.steps]
    assert {"fine-data", "fine-unless-smoke", "taken-unless-smoke"} <= set(top)
    assert not {"fine", "taken"} & set(top)
    doors = {step.name: [inner.name for inner in step.if_steps] for step in definition.steps}
    assert doors["fine-unless-smoke"] == ["fine"]


def test_the_name_of_the_data_step_is_taken(project: Any) -> None:
    with pytest.raises(SpecError, match="the data of step 'fine' takes the name 'fine-data'"):
        project.compile(SPEC + "  fine-data: {kind: dataset, data: ./rows}\n")


def test_bedrock_assumes_the_role_of_the_step_or_else_the_environment(
    project: Any, prod: Any, arguments_of: Any
) -> None:
    role = "arn:aws:iam::123456789012:role/bedrock"
    theirs = replace(prod, bedrock_role_arn=role)
    for step in ("fine", "taken"):
        assert arguments_of(project.compile(SPEC, theirs), step)["request"]["roleArn"] == role
        found = arguments_of(project.compile(SPEC, prod), step)["request"]["roleArn"]
        assert found == prod.role_arn
