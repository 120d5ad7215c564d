"""What gates compile to, and what is nested in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.definition.model import Step, walk
from orchestrator.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

GATED = """
parameters:
  Least: {type: Float, default: 0.6}
steps:
  split: {kind: dataset, data: ./rows}
  sft:
    kind: train
    objective: sft
    model_name_or_path: s3://models/base/
    data: $split
    gates: {max: {eval/loss: 9}}
  exam:
    kind: evaluate
    model: $sft.model
    data: $split.test
    gates: {min: {accuracy: $params.Least}, max: {loss: 4, forgetting.delta: 0.05}}
  publish: {kind: register, model: $exam.model, model_package_group_name: support}
"""


def outline(steps: Sequence[Step]) -> list[Any]:
    """Names, each Condition step followed by what is nested in its `IfSteps`."""
    found: list[Any] = []
    for step in steps:
        found.append(step.name)
        if step.type == "Condition":
            found.append(outline(step.if_steps))
    return found


def compared(gate: Any) -> list[Any]:
    """The comparisons of a gate, each without the alternative that the run is a smoke run."""
    return [condition["Conditions"][1] for condition in gate.conditions]


def message(step: Any) -> str:
    """The text of a Fail step, with a question mark for each value."""
    values = step.arguments["ErrorMessage"]["Std:Join"]["Values"]
    return "".join(value if isinstance(value, str) else "?" for value in values)


def test_readers_of_a_gated_step_are_nested_behind_its_gate(project: Any) -> None:
    steps = project.compile(GATED).definition.steps
    assert outline(steps) == [
        "split",
        "sft",
        "sft-gate",
        ["exam", "exam-gate", ["publish-unless-smoke", ["publish"]]],
    ]


def test_no_step_depends_on_a_condition_step(project: Any, steps_of: Any) -> None:
    steps = steps_of(project.compile(GATED))
    conditions = {name for name, step in steps.items() if step.type == "Condition"}
    assert not any(set(step.depends_on) & conditions for step in steps.values())


def test_a_closed_gate_fails_the_execution_with_values_and_bounds(
    project: Any, steps_of: Any
) -> None:
    steps = steps_of(project.compile(GATED))
    (fail,) = steps["exam-gate"].else_steps
    assert (fail.name, fail.type) == ("exam-gate-failed", "Fail")
    assert message(fail) == (
        "exam: the gate did not open: loss is ? (must be at most 4), "
        "forgetting.delta is ? (must be at most 0.05), accuracy is ? (must be at least ?)."
    )


def test_a_gate_on_forgetting_says_what_would_help(project: Any, steps_of: Any) -> None:
    spec = GATED.replace("forgetting.delta", "forgetting.loss_delta")
    (fail,) = steps_of(project.compile(spec))["exam-gate"].else_steps
    assert message(fail).endswith(
        "(must be at least ?). Against forgetting: replay_data with a larger replay_share, a lower "
        "learning_rate, fewer steps, a lower lora_r, or method: lora."
    )


def test_metrics_of_a_processing_step_are_read_from_its_property_file(
    project: Any, steps_of: Any
) -> None:
    conditions = compared(steps_of(project.compile(GATED))["exam-gate"])
    assert conditions[1] == {
        "Type": "LessThanOrEqualTo",
        "LeftValue": {
            "Std:JsonGet": {
                "PropertyFile": {"Get": "Steps.exam.PropertyFiles.metrics"},
                "Path": "$['forgetting.delta']",
            }
        },
        "RightValue": 0.05,
    }
    assert conditions[2]["Type"] == "GreaterThanOrEqualTo"
    assert conditions[2]["RightValue"] == {"Get": "Parameters.Least"}


def test_metrics_of_a_training_step_are_read_from_its_model(project: Any, steps_of: Any) -> None:
    (condition,) = compared(steps_of(project.compile(GATED))["sft-gate"])
    uri = {
        "Std:Join": {
            "On": "",
            "Values": [
                {"Get": "Steps.sft.OutputDataConfig.S3OutputPath"},
                "/",
                {"Get": "Steps.sft.TrainingJobName"},
                "/output/model/metrics.json",
            ],
        }
    }
    assert condition["LeftValue"] == {"Std:JsonGet": {"S3Uri": uri, "Path": "$['eval/loss']"}}


TWO_MODELS = """
steps:
  split: {kind: dataset, data: ./rows, gates: {min: {rows: 10}}}
  a: {kind: train, objective: sft, model_name_or_path: s3://models/a/, data: $split}
  b: {kind: train, objective: sft, model_name_or_path: s3://models/b/, data: $split}
  exam-a: {kind: evaluate, model: $a.model, data: $split.test, gates: {max: {loss: 4}}}
  exam-b: {kind: evaluate, model: $b.model, data: $split.test, gates: {max: {loss: 4}}}
  publish-a: {kind: register, model: $exam-a.model, model_package_group_name: a}
  publish-b: {kind: register, model: $exam-b.model, model_package_group_name: b}
"""
BETTER = """
  better:
    kind: gate
    description: b beats a.
    conditions: [{metric: $exam-b.metrics.loss, max: $exam-a.metrics.loss}]
    passes: {model: $b.model}
  publish: {kind: register, model: $better.model, model_package_group_name: best}
"""


def test_gates_that_nobody_waits_for_together_stay_side_by_side(project: Any) -> None:
    top = project.compile(TWO_MODELS).definition.steps
    assert outline(top)[:2] == ["split", "split-gate"]
    behind = outline(top)[2]
    assert behind[behind.index("exam-a-gate") + 1] == [
        "publish-a-unless-smoke",
        ["publish-a"],
    ]
    assert behind[behind.index("exam-b-gate") + 1] == [
        "publish-b-unless-smoke",
        ["publish-b"],
    ]


def test_a_step_behind_two_gates_is_nested_in_both(project: Any) -> None:
    behind = outline(project.compile(TWO_MODELS + BETTER).definition.steps)[2]
    first = behind[behind.index("exam-a-gate") + 1]
    assert ["publish-a"] in first
    second = first[first.index("exam-b-gate") + 1]
    assert ["publish-b"] in second
    assert second[second.index("better-gate") + 1] == ["publish-unless-smoke", ["publish"]]


def test_every_gate_is_written_once(project: Any) -> None:
    steps = project.compile(TWO_MODELS + BETTER).definition.steps
    names = [placed.step.name for placed in walk(steps)]
    assert len(names) == len(set(names))


def test_a_gate_across_steps_compares_their_metrics(project: Any, steps_of: Any) -> None:
    gate = steps_of(project.compile(TWO_MODELS + BETTER))["better-gate"]
    (condition,) = compared(gate)
    assert condition["RightValue"]["Std:JsonGet"]["PropertyFile"] == {
        "Get": "Steps.exam-a.PropertyFiles.metrics"
    }
    assert gate.description == "b beats a."
    assert message(gate.else_steps[0]) == (
        "better: the gate did not open: exam-b.metrics.loss is ? (must be at most ?)."
    )


def test_one_of_several_conditions_may_be_enough(project: Any, steps_of: Any) -> None:
    text = (
        TWO_MODELS
        + """
  either:
    kind: gate
    any: true
    conditions: [{metric: $exam-a.metrics.loss, max: 3}, {metric: $exam-b.metrics.loss, max: 3}]
    passes: {model: $a.model}
  publish: {kind: register, model: $either.model, model_package_group_name: best}
"""
    )
    gate = steps_of(project.compile(text))["either-gate"]
    (condition,) = gate.conditions
    assert [part["Type"] for part in condition["Conditions"]] == [
        "Equals",
        "LessThanOrEqualTo",
        "LessThanOrEqualTo",
    ]
    assert message(gate.else_steps[0]).endswith(
        "3) and exam-b.metrics.loss is ? (needs at most 3)."
    )


def test_a_gate_that_nothing_waits_for_still_decides(project: Any, steps_of: Any) -> None:
    text = GATED[: GATED.index("  publish")]
    assert steps_of(project.compile(text))["exam-gate"].if_steps == ()


def test_a_metric_name_with_a_quote_stays_one_key(project: Any, steps_of: Any) -> None:
    text = GATED.replace("forgetting.delta", '"user\'s"')
    found = compared(steps_of(project.compile(text))["exam-gate"])[1]["LeftValue"]
    assert found["Std:JsonGet"]["Path"] == "$['user\\'s']"


def test_gates_nested_too_deep_are_refused(project: Any) -> None:
    chain = "\n".join(
        f"  s{n}: {{kind: processing, script: ./clean.py, inputs: {{x: $s{n - 1}.rows}}, "
        "outputs: {rows: csv, metrics: folder}, gates: {min: {rows: 1}}}"
        for n in range(1, 32)
    )
    text = (
        "steps:\n  s0: {kind: processing, script: ./clean.py, outputs: {rows: csv, metrics: csv}}\n"
    )
    with pytest.raises(SpecError) as caught:
        project.compile(text + chain)
    assert str(caught.value) == (
        "steps.s31.gates: it is the gate number 31 in a row; at most 30 can be nested. "
        "Put several bounds on one gate."
    )
