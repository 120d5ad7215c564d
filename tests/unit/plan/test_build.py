"""What each kind reads, and where that really comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.plan.model import (
    GateCondition,
    HubModel,
    LocalPath,
    MetricSource,
    ParameterValue,
    PlannedGate,
    S3Uri,
    StepOutput,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.plan.model import Plan

    PlanOf = Callable[..., Plan]

SUPPORT = """
publish: {kind: register, model: $exam.model, model_package_group_name: g}
exam: {kind: evaluate, model: $sft, data: $split.test, base_model: hf://a/b, train_data: $split, gates: {min: {accuracy: 0.5}}}
sft: {kind: train, objective: sft, model: hf://a/b@v1, data: $split}
split: {kind: dataset, data: $clean.rows}
clean: {kind: processing, script: a.py, inputs: {raw: s3://bucket/raw/, map: ./map.csv}, outputs: {rows: jsonl, metrics: json}}
"""  # noqa: E501


def test_every_step_follows_what_it_reads(plan_of: PlanOf) -> None:
    names = [step.name for step in plan_of(SUPPORT).steps]
    assert names == ["clean", "split", "sft", "exam", "publish"]


def test_steps_that_could_come_in_any_order_come_as_written(plan_of: PlanOf) -> None:
    steps = "\n".join(f"{name}: {{kind: dataset, data: ./x}}" for name in "dbca")
    assert [step.name for step in plan_of(steps).steps] == ["d", "b", "c", "a"]


def test_inputs_are_named_as_the_scripts_know_them(plan_of: PlanOf) -> None:
    inputs = {step.name: dict(step.inputs) for step in plan_of(SUPPORT).steps}
    assert inputs == {
        "clean": {"raw": S3Uri("s3://bucket/raw/"), "map": LocalPath("./map.csv")},
        "split": {"data": StepOutput("clean", "rows")},
        "sft": {"data": StepOutput("split", "data"), "model": HubModel("a/b", "v1")},
        "exam": {
            "model": StepOutput("sft", "model"),
            "data": StepOutput("split", "test"),
            "base_model": HubModel("a/b", "main"),
            "train_data": StepOutput("split", "data"),
        },
        "publish": {
            "model": StepOutput("sft", "model"),
            "metrics": StepOutput("exam", "metrics"),
        },
    }


def test_a_reader_of_a_reexport_waits_for_the_gate(plan_of: PlanOf) -> None:
    plan = plan_of(SUPPORT)
    assert plan.step("publish").guards == ("exam",)
    assert plan.step("publish").depends_on == ("exam", "sft")
    assert plan.step("exam").guards == ()
    assert plan.step("exam").gate == PlannedGate(
        "exam", (GateCondition(MetricSource("exam", "accuracy"), "min", 0.5),)
    )


def test_a_step_that_is_not_there_is_no_step(plan_of: PlanOf) -> None:
    with pytest.raises(KeyError):
        plan_of(SUPPORT).step("nope")


def test_guards_are_inherited_in_the_order_of_the_gates(plan_of: PlanOf) -> None:
    plan = plan_of("""
a: {kind: dataset, data: ./x, gates: {min: {rows: 1}}}
b: {kind: processing, script: a.py, inputs: {x: $a}, outputs: {rows: jsonl}}
c: {kind: dataset, data: $b, gates: {min: {rows: 1}}}
d: {kind: processing, script: a.py, inputs: {x: $c}, after: [late]}
late: {kind: processing, script: a.py, inputs: {x: $a.test}}
""")
    guards = {step.name: step.guards for step in plan.steps}
    assert guards == {"a": (), "b": ("a",), "c": ("a",), "d": ("a", "c"), "late": ("a",)}


def test_a_gate_step_guards_who_reads_through_it(plan_of: PlanOf) -> None:
    plan = plan_of(
        """
sft: {kind: train, objective: sft, model: ./m, data: ./d}
one: {kind: evaluate, model: $sft, data: ./t}
two: {kind: evaluate, model: $sft, data: ./u}
go: {kind: gate, any: true, passes: {model: $two}, conditions: [{metric: $one.metrics.a.b, min: $two.metrics.a.b}, {metric: $two.metrics.c, max: $params.C}]}
out: {kind: register, model: $go.model, model_package_group_name: g}
""",  # noqa: E501
        "C: {type: Float, default: 1.0}",
    )
    go, out = plan.step("go"), plan.step("out")
    assert go.depends_on == ("one", "sft", "two")
    assert go.gate == PlannedGate(
        "go",
        (
            GateCondition(MetricSource("one", "a.b"), "min", MetricSource("two", "a.b")),
            GateCondition(MetricSource("two", "c"), "max", ParameterValue("C")),
        ),
        any=True,
    )
    assert out.guards == ("go",)
    assert out.inputs == {
        "model": StepOutput("sft", "model"),
        "metrics": StepOutput("two", "metrics"),
    }


def test_a_trained_model_registered_directly_brings_its_own_metrics(plan_of: PlanOf) -> None:
    plan = plan_of("""
sft: {kind: train, objective: sft, model: ./m, data: ./d}
out: {kind: register, model: $sft, model_package_group_name: g}
too: {kind: register, model: $sft, metrics: $sft.metrics, model_package_group_name: h}
old: {kind: register, model: s3://bucket/m/, model_package_group_name: g}
""")
    assert plan.step("out").inputs["metrics"] == StepOutput("sft", "metrics")
    assert plan.step("too").inputs["metrics"] == StepOutput("sft", "metrics")
    assert "metrics" not in plan.step("old").inputs


def test_settings_and_arguments_may_be_known_only_at_run_time(plan_of: PlanOf) -> None:
    plan = plan_of(
        """
clean: {kind: processing, script: a.py, outputs: {rows: jsonl}, arguments: {n: $params.Rows, m: 3}}
next: {kind: processing, script: a.py, arguments: {where: $clean.rows}}
split: {kind: dataset, data: $params.Data, max_rows: $params.Rows}
sft: {kind: train, objective: sft, model: ./m, data: $split, lr: $params.Rate, instance_count: $params.Rows, instance_type: $params.Type}
""",  # noqa: E501
        "Rows: {type: Integer}, Data: {type: S3Uri}, Rate: {type: Float}, Type: {type: String}",
    )
    arguments = {step.name: dict(step.arguments) for step in plan.steps}
    assert arguments == {
        "clean": {"n": ParameterValue("Rows")},
        "next": {"where": StepOutput("clean", "rows")},
        "split": {"max_rows": ParameterValue("Rows")},
        "sft": {"learning_rate": ParameterValue("Rate")},
    }
    assert plan.step("next").depends_on == ("clean",)
    assert plan.step("split").inputs == {"data": ParameterValue("Data")}


def test_after_orders_steps_that_read_nothing_of_each_other(plan_of: PlanOf) -> None:
    plan = plan_of("""
a: {kind: processing, script: a.py, after: [b]}
b: {kind: processing, script: a.py}
""")
    assert [step.name for step in plan.steps] == ["b", "a"]
    assert plan.step("a").depends_on == ("b",)


def test_an_evaluation_of_an_evaluated_model_examines_what_was_trained(plan_of: PlanOf) -> None:
    plan = plan_of("""
sft: {kind: train, objective: sft, model: ./m, data: ./d}
one: {kind: evaluate, model: $sft, data: ./t, gates: {min: {a: 1}}}
two: {kind: evaluate, model: $one, data: ./t}
""")
    assert plan.step("two").inputs["model"] == StepOutput("sft", "model")
    assert plan.step("two").guards == ("one",)
