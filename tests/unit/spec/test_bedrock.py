"""What a step of kind `bedrock` may ask is what the catalogue says that Bedrock offers."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.catalog.bedrock_models import find_model, models_for, reinforcement_bounds
from orchestrator.errors import SpecError
from orchestrator.spec.load import load_spec

TUNED = {
    "kind": "bedrock",
    "customization_type": "fine_tuning",
    "base_model_identifier": "amazon.nova-lite-v1:0:300k",
    "data": "./rows.jsonl",
}


def refused(**fields: Any) -> list[str]:
    """Return the problems of a step with these fields."""
    lines = [f"    {name}: {value}" for name, value in {**TUNED, **fields}.items()]
    with pytest.raises(SpecError) as error:
        load_spec("\n".join(["name: demo", "steps:", "  tuned:", *lines]))
    return [f"{it.where}: {it.what}. {it.fix}" for it in error.value.problems]


def test_a_hyperparameter_out_of_its_range_is_told_with_range_and_date() -> None:
    values = "{epochCount: 9, learningRate: 0.5, learningRateWarmupSteps: 1.5}"
    assert refused(hyper_parameters=values) == [
        "steps.tuned.hyper_parameters.epochCount: 9 is not a whole number from 1 to 5 "
        "(table of 2026-11-01). Write 5.",
        "steps.tuned.hyper_parameters.learningRate: 0.5 is not a number from 1e-06 to 0.0001 "
        "(table of 2026-11-01). Write 0.0001.",
        "steps.tuned.hyper_parameters.learningRateWarmupSteps: 1.5 is not a whole number from 0 "
        "to 100 (table of 2026-11-01). Write 2.",
    ]


def test_a_hyperparameter_that_the_model_has_not_is_told_with_those_it_has() -> None:
    assert refused(hyper_parameters="{epochcount: 2, beta: 1}") == [
        "steps.tuned.hyper_parameters.epochcount: Bedrock takes no such hyperparameter here. "
        "Did you mean 'epochCount'?",
        "steps.tuned.hyper_parameters.beta: Bedrock takes no such hyperparameter here. "
        "The names are: epochCount, learningRate, learningRateWarmupSteps.",
    ]


def test_a_text_is_no_hyperparameter() -> None:
    [problem] = refused(hyper_parameters="{epochCount: many}")
    assert problem.endswith("'many' is no number. Write a whole number from 1 to 5.")


def test_a_model_that_has_ended_is_refused_and_others_are_named() -> None:
    [problem] = refused(base_model_identifier="anthropic.claude-3-haiku-20240307-v1:0:200k")
    assert problem.startswith(
        "steps.tuned.base_model_identifier: Bedrock ended "
        "anthropic.claude-3-haiku-20240307-v1:0 on 2026-09-10 (table of 2026-11-01). "
        "Write one of amazon.nova-2-lite-v1:0, "
    )
    assert "haiku" not in problem.partition("Write one of")[2]


def test_continued_pre_training_of_a_model_without_it_says_what_to_use_instead() -> None:
    assert refused(customization_type="continued_pre_training") == [
        "steps.tuned.base_model_identifier: Bedrock offers no continued_pre_training of "
        "amazon.nova-lite-v1:0 (table of 2026-11-01). Train it yourself: `kind: train` with "
        "`objective: continued_pretrain`, then `bedrock_import`; or Nova on HyperPod."
    ]


def test_a_type_that_a_model_does_not_offer_names_those_that_do() -> None:
    lambda_arn = "arn:aws:lambda:us-east-1:123456789012:function:grade"
    [problem] = refused(customization_type="reinforcement_fine_tuning", lambda_arn=lambda_arn)
    assert problem.endswith("(table of 2026-11-01). Take one of amazon.nova-2-lite-v1:0.")


def test_distillation_needs_a_teacher_and_reinforcement_a_grader() -> None:
    [problem] = refused(customization_type="distillation")
    assert problem.startswith(
        "steps.tuned.teacher_model_identifier: distillation learns the answers of a teacher, "
        "and none is named."
    )
    reinforced = {
        "customization_type": "reinforcement_fine_tuning",
        "base_model_identifier": "amazon.nova-2-lite-v1:0",
        "hyper_parameters": "{batchSize: 8, reasoningEffort: huge, maxPromptLength: 0}",
    }
    problems = refused(**reinforced)
    assert [problem.partition(". ")[0] for problem in problems] == [
        "steps.tuned.lambda_arn: reinforcement needs a function that grades answers, and none is "
        "named",
        "steps.tuned.hyper_parameters.batchSize: 8 is not a whole number from 16 to 512 (table of "
        "2026-11-01)",
        "steps.tuned.hyper_parameters.reasoningEffort: 'huge' is no effort",
        "steps.tuned.hyper_parameters.maxPromptLength: 0 is no number of tokens",
    ]


def test_a_teacher_without_distillation_is_refused() -> None:
    assert refused(teacher_model_identifier="amazon.nova-pro-v1:0") == [
        "steps.tuned.teacher_model_identifier: it belongs to `customization_type: distillation`. "
        "Remove it, or write `distillation`."
    ]


def test_a_model_that_the_table_does_not_know_is_left_to_bedrock() -> None:
    load_spec(
        "name: demo\nsteps:\n  tuned: {kind: bedrock, customization_type: fine_tuning, data: ./r, "
        "base_model_identifier: acme.new-model-v1, hyper_parameters: {anything: 1}}\n"
    )


def test_a_model_is_found_by_arn_and_with_a_context_length() -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
    for name in (arn, "amazon.nova-pro-v1:0:300k", "amazon.nova-pro-v1:0"):
        found = find_model(name)
        assert found is not None
        assert found.model_id == "amazon.nova-pro-v1:0"
    assert find_model("amazon.nova-pro-v1:01") is None
    assert "meta.llama3-2-1b-instruct-v1:0" not in models_for("fine_tuning")


def test_the_bounds_of_reinforcement_are_those_of_botocore() -> None:
    shapes = load_shapes()
    whole = shapes.shape("bedrock", "RFTHyperParameters")
    assert whole is not None
    for name, bounds in reinforcement_bounds().items():
        member = shapes.shape("bedrock", whole.members[name])
        assert member is not None
        assert (member.minimum, member.maximum) == (bounds.min, bounds.max), name
        assert (member.type == "integer") == bounds.whole
