"""What every definition carries so that it can be tried in minutes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.definition.conditions import evaluate_conditions
from orchestrator.definition.smoke import is_smoke
from orchestrator.errors import SpecError
from tests.unit.compiler.test_gates import GATED, outline

AFTER = """
  tell:
    kind: processing
    script: ./clean.py
    arguments: {arn: $publish.model_package_arn}
  count: {kind: processing, script: ./clean.py, after: [tell]}
"""


def parameters(project: Any, text: str) -> dict[str, Any]:
    found = json.loads(project.compile(text).json)["Parameters"]
    return {parameter["Name"]: parameter.get("DefaultValue") for parameter in found}


def test_every_definition_can_be_tried_and_does_not_try_by_itself(project: Any) -> None:
    found = parameters(project, "steps:\n  split: {kind: dataset, data: ./rows}")
    assert found == {"Smoke": False, "SmokeRows": 200, "SmokeSteps": 10}


@pytest.mark.parametrize("is_smoke_run", [True, False], ids=["smoke", "real"])
def test_a_gate_that_says_no_opens_in_a_smoke_run_alone(
    project: Any,
    steps_of: Any,
    *,
    is_smoke_run: bool,
) -> None:
    gate = steps_of(project.compile(GATED))["sft-gate"]

    def resolve(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return (
            is_smoke_run if value == {"Get": "Parameters.Smoke"} else 9.5
        )  # The loss; 9 is allowed.

    assert evaluate_conditions(gate.conditions, resolve) is is_smoke_run


def test_registering_and_all_that_waits_for_it_lies_behind_a_door(
    project: Any, steps_of: Any
) -> None:
    compiled = project.compile(GATED + AFTER)
    behind = outline(compiled.definition.steps)[-1]
    assert behind == [
        "exam",
        "exam-gate",
        ["publish-unless-smoke", ["publish", "tell", "count"]],
    ]
    door = steps_of(compiled)["publish-unless-smoke"]
    assert door.else_steps == ()
    assert door.conditions == (is_smoke(wanted=False),)


def test_a_model_that_nothing_examined_is_not_registered_either(project: Any) -> None:
    text = """
    steps:
      publish: {kind: register, model: s3://models/base/, model_package_group_name: support}
    """
    assert outline(project.compile(text).definition.steps) == ["publish-unless-smoke", ["publish"]]


def test_names_that_smoke_runs_need_are_refused(project: Any) -> None:
    text = """
    parameters: {Smoke: {type: Boolean, default: true}}
    steps:
      publish: {kind: register, model: s3://models/base/, model_package_group_name: support}
      publish-unless-smoke: {kind: dataset, data: ./rows}
    """
    with pytest.raises(SpecError) as caught:
        project.plan(text)
    assert [str(problem) for problem in caught.value.problems] == [
        "parameters.Smoke: every definition has a parameter 'Smoke' of its own, for smoke runs. "
        "Rename yours.",
        "steps.publish-unless-smoke: the gate of step 'publish' takes the name "
        "'publish-unless-smoke'. Rename one of the two.",
    ]
