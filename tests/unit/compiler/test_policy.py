"""A project's policy: what it refuses, and what it lets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.compiler.environment import Environment
from orchestrator.compiler.policy import refuse_what_policy_forbids
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec_with_lines
from orchestrator.spec.project_load import load_project

SPEC = """\
name: support
parameters:
  Any: {type: String, default: ml.g5.xlarge}
  Some: {type: String, default: ml.g5.xlarge, enum: [ml.g5.xlarge, ml.p5.48xlarge]}
steps:
  split: {kind: dataset, data: s3://acme/rows/}
  sft: {kind: train, objective: sft, model_name_or_path: hf://a/b, data: $split}
  exam: {kind: evaluate, model: $sft, data: $split.test, base_model: hf://a/b}
  publish: {kind: register, model: $sft, model_package_group_name: support}
"""
GATED = SPEC.replace("base_model: hf://a/b}", "base_model: hf://a/b, gates: {max: {loss: 3}}}")
GATED = GATED.replace("model: $sft, model_package", "model: $exam.model, model_package")


def refused(policy: str, spec: str = SPEC, *, kms_key_id: str | None = None) -> list[str]:
    project = load_project(f"policy: {{{policy}}}", file=Path("fmo.yaml"))
    loaded = load_spec_with_lines(spec)
    plan, _ = build_plan(loaded.spec)
    findings = loaded.findings(Path("spec.yaml"))
    environment = Environment("aws", "b", "r", "us-east-1", kms_key_id=kms_key_id)
    refuse_what_policy_forbids(plan, environment, project, findings)
    return [str(problem) for problem in findings.problems]


def test_an_empty_policy_refuses_nothing() -> None:
    assert refused("") == []


def test_encryption_needs_a_key() -> None:
    assert refused("encryption_required: true") == [
        "fmo.yaml:1: policy.encryption_required: the policy requires encryption and environment "
        "'aws' has no key. Give an environment a `kms_key_id` and name it: --env."
    ]
    assert refused("encryption_required: true", kms_key_id="alias/fmo") == []


def test_an_instance_that_is_not_allowed_is_refused_even_where_it_is_the_default() -> None:
    (problem,) = refused("allowed_instance_types: [ml.m5.*, ml.g5.2xlarge]", SPEC.replace(
        "data: $split}", "data: $split, instance_type: ml.p5.48xlarge}"
    ))  # fmt: skip
    assert problem == (
        "spec.yaml:7: steps.sft.instance_type: the policy does not allow 'ml.p5.48xlarge' here. "
        "Write one of ml.m5.*, ml.g5.2xlarge."
    )
    (problem,) = refused("allowed_instance_types: [ml.g5.*]")
    assert "'ml.m5.2xlarge', the default, here" in problem


@pytest.mark.parametrize(
    ("name", "said"), [("Any", "$params.Any may be any"), ("Some", "'ml.p5.48xlarge'")]
)
def test_a_parameter_for_the_instance_is_held_to_the_policy(name: str, said: str) -> None:
    spec = SPEC.replace("data: $split}", f"data: $split, instance_type: $params.{name}}}")
    (problem,) = refused("allowed_instance_types: [ml.m5.*, ml.g5.*]", spec)
    assert said in problem


def test_a_required_step_may_come_anywhere_before() -> None:
    assert refused("required_before: {register: [dataset]}") == []
    assert refused("required_before: {register: [evaluate]}") == [
        "spec.yaml:9: steps.publish: the policy requires a step of kind 'evaluate' before one of "
        "'register'. Add one that this step reads from, or name it in `after`."
    ]
    assert refused("required_before: {register: [evaluate]}", GATED) == []


def test_a_required_gate_is_any_gate_that_must_open_first() -> None:
    (problem,) = refused("required_before: {register: [gate]}")
    assert "the policy requires a gate before a step of kind 'register'" in problem
    assert refused("required_before: {register: [gate]}", GATED) == []


def test_a_required_field_of_the_model_card_must_say_something() -> None:
    spec = SPEC.replace("name: support}", "name: support, model_card: {caveats: Old data.}}")
    (problem,) = refused("required_model_card_fields: [caveats, risk_rating]", spec)
    assert problem == (
        "spec.yaml:9: steps.publish.model_card.risk_rating: the policy requires this field of the "
        "model card, and it is not given. Add `risk_rating:` under `model_card:`."
    )
