"""`$registry.GROUP.approved`: what it may be, where it may stand, and the step that finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.plan.model import ApprovedModel, StepOutput
from orchestrator.spec.approved import ApprovedSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.plan.model import Plan

    Problems = Callable[..., list[str]]

SPLIT = "split: {kind: dataset, data: ./x}\n"
EXAM = SPLIT + "exam: {kind: evaluate, model: ./m, data: $split.test, champion: CHAMPION}\n"
CHAMPION = EXAM.replace("CHAMPION", "$registry.support.approved")


def test_one_step_finds_the_version_for_all_that_read_the_group(
    plan_of: Callable[..., Plan],
) -> None:
    more = (
        "again: {kind: evaluate, model: ./m, data: $split, champion: $registry.support.approved}\n"
    )
    plan = plan_of(CHAMPION + more)
    assert plan.steps[0].name == "approved-support"
    assert isinstance(plan.steps[0].spec, ApprovedSpec)
    assert plan.steps[0].spec.required is False
    exam = plan.step("exam")
    assert exam.inputs["champion"] == ApprovedModel("support")
    assert exam.inputs["champion_record"] == StepOutput("approved-support", "approved")
    assert "approved-support" in exam.depends_on
    assert [step.spec.kind for step in plan.steps].count("approved") == 1


def test_what_cannot_do_without_a_model_makes_the_step_fail_while_there_is_none(
    plan_of: Callable[..., Plan],
) -> None:
    more = "write: {kind: generate, model: $registry.support.approved, data: $split}\n"
    (asking, *_) = plan_of(CHAMPION + more).steps
    assert isinstance(asking.spec, ApprovedSpec)
    assert asking.spec.required


@pytest.mark.parametrize(
    ("champion", "said"),
    [
        (
            "$registry.support",
            "'$registry.support' names no registered model. Write $registry.GROU",
        ),
        ("$registry.a_b.approved", "'$registry.a_b.approved' names no registered model."),
        (f"$registry.{'a' * 56}.approved", "has 56 characters. Use a group with at most 55."),
    ],
)
def test_a_reference_that_names_no_group_is_refused(
    champion: str, said: str, problems_of: Problems
) -> None:
    (problem,) = problems_of(EXAM.replace("CHAMPION", champion))
    assert problem.startswith("spec.yaml:5: steps.exam.champion: ")
    assert said in problem


def test_a_model_is_no_data(problems_of: Problems) -> None:
    (problem,) = problems_of("split: {kind: dataset, data: $registry.support.approved}\n")
    assert "'$registry.support.approved' is a model, and data is wanted here" in problem


def test_a_model_is_no_value_of_an_argument(problems_of: Problems) -> None:
    (problem,) = problems_of(
        "clean: {kind: processing, script: ./c.py, outputs: {x: json}, "
        "arguments: {model: $registry.support.approved}}\n"
    )
    assert "is a model, and a value is wanted here" in problem
    assert "such as `inputs: {model: $registry.support.approved}`." in problem


def test_a_step_with_the_name_of_the_one_that_asks_is_refused(problems_of: Problems) -> None:
    (problem,) = problems_of(CHAMPION + "approved-support: {kind: dataset, data: ./y}\n")
    assert problem == (
        "spec.yaml:6: steps.approved-support: the step that finds '$registry.support.approved' "
        "takes the name 'approved-support'. Rename yours."
    )


@pytest.mark.parametrize(
    "metric", ["champion.difference.accuracy.low", "champion.found", "champion.p_value.accuracy"]
)
def test_gates_may_read_what_is_said_of_a_champion(
    metric: str, warnings_of: Callable[..., list[str]]
) -> None:
    steps = CHAMPION.replace("approved}", f"approved, gates: {{min: {{{metric}: 0}}}}}}")
    assert warnings_of(steps) == []


def test_a_gate_on_a_champion_that_nobody_named_is_warned_about(
    warnings_of: Callable[..., list[str]],
) -> None:
    steps = EXAM.replace(
        ", champion: CHAMPION", ", gates: {min: {champion.difference.accuracy: 0}}"
    )
    (warning,) = warnings_of(steps)
    assert "step 'exam' compares with no champion, so the gate would fail" in warning
