"""A training script of the user's in the plan: what it reads, what it may not, what is doubted."""

from __future__ import annotations

from typing import Any

from orchestrator.plan.model import LocalPath, ParameterValue, StepOutput

SPLIT = "split: {kind: dataset, data: ./rows}\n"


def test_inputs_are_channels_and_references_are_arguments(plan_of: Any) -> None:
    plan = plan_of(
        SPLIT + "fit: {kind: train, script: ./t.py, inputs: {train: $split, extra: ./x}, "
        "hyperparameters: {epochs: $params.N, table: $split.data, rate: 0.1}}\n"
        "exam: {kind: evaluate, model: $fit, data: $split.test}",
        "N: {type: Integer, default: 3}",
    )
    fit = plan.step("fit")
    assert fit.inputs == {"train": StepOutput("split", "data"), "extra": LocalPath("./x")}
    assert fit.arguments == {"epochs": ParameterValue("N"), "table": StepOutput("split", "data")}
    assert plan.step("exam").inputs["model"] == StepOutput("fit", "model")


def test_sealed_rows_never_reach_a_training_script(problems_of: Any) -> None:
    found = problems_of(
        SPLIT + "fit: {kind: train, script: ./t.py, inputs: {train: $split, test: $split.test}}"
    )
    assert found == [
        "spec.yaml:5: steps.fit.inputs.test: '$split.test' holds sealed test rows. "
        "Write '$split'; the test rows are for `evaluate` and `generate`."
    ]


def test_an_unknown_parameter_among_the_hyperparameters_is_refused(problems_of: Any) -> None:
    found = problems_of("fit: {kind: train, script: ./t.py, hyperparameters: {n: $params.N}}")
    assert "steps.fit.hyperparameters.n: there is no parameter 'N'" in found[0]


def test_a_secret_among_the_hyperparameters_is_refused(problems_of: Any) -> None:
    token = "hf_" + "a1" * 20
    (found,) = problems_of(f"fit: {{kind: train, script: ./t.py, hyperparameters: {{t: {token}}}}}")
    assert "steps.fit.hyperparameters.t: this looks like a Hugging Face token" in found
    assert token not in found


def test_a_gate_on_what_no_regex_finds_is_doubted(warnings_of: Any) -> None:
    step = "fit: {kind: train, script: ./t.py, metric_definitions: {loss: 'l=(.)'}, gates: %s}"
    assert warnings_of(step % "{max: {loss: 1}}") == []
    assert warnings_of(step % "{max: {los: 1}}") == [
        "spec.yaml:4: steps.fit.gates.max.los: `metric_definitions` finds no 'los'. "
        "Did you mean 'loss'?"
    ]


def test_a_gate_on_metrics_json_is_not_doubted(warnings_of: Any) -> None:
    assert warnings_of("fit: {kind: train, script: ./t.py, gates: {max: {any: 1}}}") == []


def test_an_exam_on_the_rows_that_a_script_trained_on_is_doubted(warnings_of: Any) -> None:
    found = warnings_of(
        "fit: {kind: train, script: ./t.py, inputs: {train: ./rows}}\n"
        "exam: {kind: evaluate, model: $fit, data: ./rows}"
    )
    assert found == [
        "spec.yaml:5: steps.exam.data: the model was trained on './rows'. "
        "Write the sealed rows, such as `$split.test`."
    ]
