"""A training script of the user's: what goes with it, what does not, which defaults reach it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.spec.load import load_spec, load_spec_with_lines
from orchestrator.spec.own_script import own_script
from orchestrator.spec.project_load import load_project
from orchestrator.spec.provenance import fields_of_step

if TYPE_CHECKING:
    from tests.unit.spec.conftest import Problems

HEAD = "name: x\nsteps:\n"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "{kind: train, script: ./t.py, learning_rate: 1e-3}",
            "steps.a.learning_rate: only our own trainers read it, and the step has a `script`. "
            "Write it under `hyperparameters`.",
        ),
        (
            "{kind: train, script: ./t.py, data: ./rows}",
            "steps.a.data: only our own trainers read it, and the step has a `script`. "
            "Write it under `inputs`: `data: ...`.",
        ),
        (
            "{kind: train, script: ./t.py, model: hf://acme/base}",
            "steps.a.model_name_or_path: only our own trainers read it, and the step has a "
            "`script`. Write it under `inputs`: `model: ...`.",
        ),
        (
            "{kind: train, script: ./t.py, objective: pretrain}",
            "steps.a.script: `objective: pretrain` is a trainer of ours, and a script is given "
            "too. Remove one of the two.",
        ),
        (
            "{kind: train, objective: sft, model: ./m, data: ./rows, hyperparameters: {lr: 1}}",
            "steps.a.hyperparameters: only a `script` reads it, and the step has "
            "`objective: sft`. Remove it.",
        ),
        (
            "{kind: train, objective: sft, model: ./m}",
            "steps.a.data: the key 'data' is missing. Add `data:`. Training rows: usually "
            "`$split`, whose validation rows come along.",
        ),
        (
            "{kind: train, script: ./t.py, inputs: {code: ./rows}}",
            "steps.a.inputs.code: 'code' is where the script itself lies. Rename it.",
        ),
        (
            "{kind: train, script: ./t.py, hyperparameters: {sagemaker_program: x}}",
            "steps.a.hyperparameters.sagemaker_program: names that start with 'sagemaker_' never "
            "reach a script. Rename it.",
        ),
        (
            "{kind: train, script: ./t.py, hyperparameters: {'a b': 1}}",
            "steps.a.hyperparameters.a b: expected an argument's name of letters, digits, '-' and "
            "'_', found 'a b'.",
        ),
        (
            "{kind: train, script: ./t.py, metric_definitions: {loss: 'loss=.*'}}",
            "steps.a.metric_definitions.loss: 'loss=.*' has no group in parentheses, which would "
            "be the value. Write 'loss=([0-9.eE+-]+)', for example.",
        ),
        (
            "{kind: train, script: ./t.py, metric_definitions: {loss: 'loss=('}}",
            "steps.a.metric_definitions.loss: 'loss=(' is no regular expression: missing ), "
            "unterminated subpattern at position 5. Put a backslash before brackets that mean "
            "themselves.",
        ),
        (
            "{kind: processing, script: ./t.py, metric_definitions: {loss: '(.*)'}}",
            "steps.a.metric_definitions: the step has no output `metrics` to keep the values in. "
            "Write `outputs: {metrics: json}`.",
        ),
        (
            "{kind: train, script: ./train.sh}",
            "steps.a.script: expected a Python file such as ./clean.py, found './train.sh'.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(step: str, said: str, problems: Problems) -> None:
    assert problems(f"{HEAD}  a: {step}\n") == [f"spec.yaml:3: {said}"]


def test_a_step_that_is_not_there_is_told_beside_other_problems(problems: Problems) -> None:
    step = "{kind: train, script: ./t.py, retries: -1, hyperparameters: {rate: $b.x}}"
    found = problems(f"{HEAD}  a: {step}\n")
    assert any("steps.a.hyperparameters.rate: there is no step 'b'" in problem for problem in found)
    assert len(found) == 2


def test_both_kinds_of_step_say_the_same_of_a_script() -> None:
    text = (
        "  a: {kind: train, script: ./t.py, inputs: {x: ./d}, hyperparameters: {n: 1}}\n"
        "  b: {kind: processing, script: ./t.py, inputs: {x: ./d}, arguments: {n: 1}}\n"
        "  c: {kind: dataset, data: ./d}\n"
    )
    steps = load_spec(HEAD + text).steps
    found = {name: own_script(step) for name, step in steps.items()}
    assert found["c"] is None
    for name, field in (("a", "hyperparameters"), ("b", "arguments")):
        script = found[name]
        assert script is not None
        assert (script.script, script.inputs, script.arguments) == (
            "./t.py",
            {"x": "./d"},
            {"n": 1},
        )
        assert script.field == field


PROJECT = """\
defaults:
  train:
    objective: sft
    lora_r: 8
    model: hf://acme/base
    spot: true
    inputs: {shared: ./shared}
environments:
  prod: {defaults: {train: {learning_rate: 1e-4}}}
"""
BOTH = """\
  own: {kind: train, script: ./t.py}
  ours: {kind: train, objective: sft, model: hf://acme/small, data: ./d}
"""


def test_defaults_reach_only_the_steps_that_they_mean_something_to() -> None:
    project = load_project(PROJECT, file=Path("fmo.yaml"))
    loaded = load_spec_with_lines(HEAD + BOTH, layers=project.layers("prod"))
    own, ours = loaded.spec.steps["own"], loaded.spec.steps["ours"]
    assert own.model_fields_set == {"kind", "script", "spot", "inputs"}
    assert ours.model_fields_set >= {"lora_r", "learning_rate", "spot"}
    assert "inputs" not in ours.model_fields_set


def test_config_shows_only_the_fields_that_mean_something() -> None:
    loaded = load_spec_with_lines(HEAD + BOTH)
    own = {field.name for field in fields_of_step(loaded, "own", Path("spec.yaml"))}
    ours = {field.name for field in fields_of_step(loaded, "ours", Path("spec.yaml"))}
    assert {"script", "distribution", "spot", "instance_type"} <= own
    assert not own & {"learning_rate", "objective", "data"}
    assert "learning_rate" in ours
    assert not ours & {"script", "distribution", "inputs"}
