"""Everything that cannot be planned, and what the message says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec_with_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    ProblemsOf = Callable[..., list[str]]

SPLIT = "split: {kind: dataset, data: ./x}\n"
SFT = SPLIT + "sft: {kind: train, objective: sft, model: ./m, data: $split}\n"
TRAIN = "kind: train, objective: sft, model: ./m"


@pytest.mark.parametrize(
    ("objective", "data_format", "said"),
    [
        (
            "dpo",
            "messages",
            "spec.yaml:5: steps.t.objective: `dpo` cannot learn from '$split', whose rows are of "
            "`format: messages`. Write `objective: sft`, or `format: preference` with rows that "
            "fit.",
        ),
        (
            "sft",
            "preference",
            "spec.yaml:5: steps.t.objective: `sft` cannot learn from '$split', whose rows are of "
            "`format: preference`. Write `objective: dpo`, or `format: auto` with rows that fit.",
        ),
    ],
)
def test_rows_that_an_objective_cannot_learn_from_are_refused(
    objective: str, data_format: str, said: str, problems_of: ProblemsOf
) -> None:
    steps = (
        f"split: {{kind: dataset, data: ./x, format: {data_format}}}\n"
        f"t: {{kind: train, objective: {objective}, model: ./m, data: $split}}"
    )
    assert problems_of(steps) == [said]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            SPLIT + "sft: {" + TRAIN + ", data: $slpit}",
            "spec.yaml:5: steps.sft.data: there is no step 'slpit'. Did you mean 'split'?",
        ),
        (
            SPLIT + "sft: {" + TRAIN + ", data: $rows}",
            "spec.yaml:5: steps.sft.data: there is no step 'rows'. The steps are: split, sft.",
        ),
        (
            SFT + "e: {kind: evaluate, model: $sft, data: $split.tset}",
            "spec.yaml:6: steps.e.data: step 'split' has no output 'tset'. Did you mean 'test'?",
        ),
        (
            SPLIT + "sft: {" + TRAIN + ", data: $split.}",
            "spec.yaml:5: steps.sft.data: '$split.' is not a reference. "
            "Write $step, $step.output or $params.X.",
        ),
        (
            SPLIT + "sft: {" + TRAIN + ", data: $secrets.token}",
            "spec.yaml:5: steps.sft.data: `$secrets` may only be the value of a variable in "
            "`environment`. Write `environment: {NAME: $secrets.name}` in the step, and read the "
            "variable NAME in its script.",
        ),
        (
            SPLIT + "sft: {" + TRAIN + ", data: $split.metrics.rows}",
            "spec.yaml:5: steps.sft.data: '$split.metrics.rows' is one number of step 'split'. "
            "Only gates read single metrics; write $step.output.",
        ),
        (
            "a: {kind: processing, script: a.py, outputs: {x: csv, y: csv}}\n"
            "b: {kind: dataset, data: $a}",
            "spec.yaml:5: steps.b.data: step 'a' has no main output. Write one of $a.x, $a.y.",
        ),
        (
            "a: {kind: processing, script: a.py}\nb: {kind: dataset, data: $a}",
            "spec.yaml:5: steps.b.data: step 'a' has no main output. "
            "Name its outputs in `steps.a`.",
        ),
        (
            "a: {kind: processing, script: a.py}\nb: {kind: dataset, data: $a.rows}",
            "spec.yaml:5: steps.b.data: step 'a' has no output 'rows'. It makes none.",
        ),
        (
            SPLIT + "b: {kind: processing, script: a.py, after: [splt]}",
            "spec.yaml:5: steps.b.after: there is no step 'splt'. Did you mean 'split'?",
        ),
        (
            SPLIT + "g: {kind: gate, conditions: [{metric: $splt.metrics.rows, min: 1}]}",
            "spec.yaml:5: steps.g.conditions[0].metric: there is no step 'splt'. "
            "Did you mean 'split'?",
        ),
        (
            "a: {kind: processing, script: a.py}\n"
            "g: {kind: gate, conditions: [{metric: $a.metrics.rows, min: 1}]}",
            "spec.yaml:5: steps.g.conditions[0].metric: step 'a' of kind 'processing' has no "
            "metrics. Write `outputs: {metrics: json}` there, and metrics.json in its script.",
        ),
        (
            SFT + "r: {kind: register, model: $sft, model_package_group_name: g}\n"
            "g: {kind: gate, conditions: [{metric: $r.metrics.rows, min: 1}]}",
            "spec.yaml:7: steps.g.conditions[0].metric: step 'r' of kind 'register' has no "
            "metrics. Measure with a step of kind `evaluate`.",
        ),
        (
            SPLIT + "g: {kind: gate, conditions: [{metric: $params.metrics.rows, min: 1}]}",
            "spec.yaml:5: steps.g.conditions[0].metric: '$params.metrics.rows' names no metric. "
            "Write $step.metrics.NAME.",
        ),
        (
            SFT + "b: {kind: dataset, data: $sft}",
            "spec.yaml:6: steps.b.data: '$sft' is a model, and data is wanted here. "
            "Write '$split', for example.",
        ),
        (
            SFT + "e: {kind: evaluate, model: $split, data: ./t}",
            "spec.yaml:6: steps.e.model: '$split' is data, and a model is wanted here. "
            "Write '$sft', for example.",
        ),
        (
            SFT + "e: {kind: evaluate, model: $sft, data: $split.metrics}",
            "spec.yaml:6: steps.e.data: '$split.metrics' is a table of metrics, and data is "
            "wanted here. Write '$split', for example.",
        ),
        (
            "b: {kind: dataset, data: hf://a/b}",
            "spec.yaml:4: steps.b.data: 'hf://a/b' is a model, and data is wanted here. "
            "Name another step's output, or a path.",
        ),
        (
            SFT + "r: {kind: register, model: $split, model_package_group_name: g}",
            "spec.yaml:6: steps.r.model: '$split' is data, and a model is wanted here. "
            "Write '$sft', for example.",
        ),
        (
            SFT + "r: {kind: register, model: $sft, metrics: $split, model_package_group_name: g}",
            "spec.yaml:6: steps.r.metrics: '$split' is data, and a table of metrics is wanted "
            "here. Name another step's output, or a path.",
        ),
        (
            SPLIT + "sft: {" + TRAIN + ", data: $split.test}",
            "spec.yaml:5: steps.sft.data: '$split.test' holds sealed test rows. "
            "Write '$split'; the test rows are for `evaluate` and `generate`.",
        ),
        (
            SPLIT + "p: {kind: processing, script: a.py, inputs: {x: $split.test}, "
            "outputs: {rows: jsonl}}\nagain: {kind: dataset, data: $p}\n"
            "sft: {" + TRAIN + ", data: $again}",
            "spec.yaml:7: steps.sft.data: '$again' holds sealed test rows, made from "
            "'$split.test'. Write '$split'; the test rows are for `evaluate` and `generate`.",
        ),
        (
            SFT + "g: {kind: generate, model: $sft, data: $split.test}\n"
            "again: {kind: dataset, data: $g}\n"
            "more: {" + TRAIN + ", data: $again}",
            "spec.yaml:8: steps.more.data: '$again' holds sealed test rows, made from "
            "'$split.test'. Write '$split'; the test rows are for `evaluate` and `generate`.",
        ),
        (
            SFT + "g: {kind: generate, model: $split, data: ./t}",
            "spec.yaml:6: steps.g.model: '$split' is data, and a model is wanted here. "
            "Write '$sft', for example.",
        ),
        (
            SFT + "e: {kind: evaluate, model: $sft, data: ./t, train_data: $split.test}",
            "spec.yaml:6: steps.e.train_data: '$split.test' holds sealed test rows. "
            "Write '$split'; the test rows are for `evaluate` and `generate`.",
        ),
        (
            "a: {kind: dataset, data: $b}\nb: {kind: dataset, data: $a}",
            "spec.yaml:4: steps.a.data: the steps wait for each other: a -> b -> a. "
            "Change one of steps.a.data, steps.b.data.",
        ),
        (
            "a: {kind: processing, script: a.py, after: [a]}",
            "spec.yaml:4: steps.a.after: the steps wait for each other: a -> a. Name another step.",
        ),
        (
            "params: {kind: dataset, data: ./x}",
            "spec.yaml:4: steps.params: '$params' already means something else. Rename the step.",
        ),
        (
            "a: {kind: dataset, data: ./x, gates: {min: {rows: 1}}}\n"
            "a-gate-failed: {kind: dataset, data: ./x}",
            "spec.yaml:5: steps.a-gate-failed: the gate of step 'a' takes the name "
            "'a-gate-failed'. Rename one of the two.",
        ),
        (
            "a: {kind: dataset, data: s3://b/../../etc/passwd}",
            "spec.yaml:4: steps.a.data: 's3://b/../../etc/passwd' has no valid bucket name. "
            "Write s3://bucket/key/.",
        ),
        (
            "a: {kind: dataset, data: s3://bucket/../../etc/passwd}",
            "spec.yaml:4: steps.a.data: 's3://bucket/../../etc/passwd' has a key that leaves its "
            "folder. Write the key without '.' and '..'.",
        ),
        (
            "a: {kind: dataset, data: glue://db/table}",
            "spec.yaml:4: steps.a.data: 'glue://db/table' is a Glue table, which this version "
            "does not read. Write the s3:// folder of the table.",
        ),
        (
            SPLIT + "sft: {kind: train, objective: sft, model: 'hf://a b', data: $split}",
            "spec.yaml:5: steps.sft.model_name_or_path: 'hf://a b' is not a model of the hub. "
            "Write hf://OWNER/NAME or hf://OWNER/NAME@REV.",
        ),
        (
            "a: {kind: dataset, data: $params.Data}",
            "spec.yaml:4: steps.a.data: there is no parameter 'Data'. "
            "Add `parameters: {Data: {type: String}}`.",
        ),
        (
            "a: {kind: dataset, data: $params}",
            "spec.yaml:4: steps.a.data: '$params' names no parameter. Write $params.Name.",
        ),
        (
            "a: {kind: dataset, data: ./x, system_prompt: $params.P}",
            "spec.yaml:4: steps.a.system_prompt: this field takes no parameter, found "
            "'$params.P'. Write the value.",
        ),
        (
            "a: {kind: dataset, data: ./x, environment: {A: $params.P}}",
            "spec.yaml:4: steps.a.environment.A: this field takes no parameter, found "
            "'$params.P'. Write the value.",
        ),
    ],
)
def test_a_step_that_cannot_be_planned_is_refused(
    steps: str, said: str, problems_of: ProblemsOf
) -> None:
    assert problems_of(steps) == [said]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("data: $params.Rat", "data: there is no parameter 'Rat'. Did you mean 'Rate'?"),
        (
            "data: $params.Rate",
            "data: parameter 'Rate' is of type Float. Give it type String or S3Uri.",
        ),
        (
            "data: ./x, max_rows: $params.Rate",
            "max_rows: parameter 'Rate' is of type Float. Give it type Integer.",
        ),
        (
            "data: ./x, instance_type: $params.Rate",
            "instance_type: parameter 'Rate' is of type Float. Give it type String.",
        ),
        (
            "data: ./x, gates: {max: {rows: $params.Name}}",
            "gates.max.rows: parameter 'Name' is of type String. Give it type Float or Integer.",
        ),
    ],
)
def test_a_parameter_must_exist_and_fit(field: str, said: str, problems_of: ProblemsOf) -> None:
    parameters = "Rate: {type: Float}, Name: {type: String}"
    problems = problems_of(f"a: {{kind: dataset, {field}}}", parameters)
    assert problems == [f"spec.yaml:4: steps.a.{said}"]


def test_a_bound_of_a_gate_step_must_be_a_number(problems_of: ProblemsOf) -> None:
    steps = SPLIT + "g: {kind: gate, conditions: [{metric: $split.metrics.rows, min: $params.N}]}"
    assert problems_of(steps, "N: {type: String}") == [
        "spec.yaml:5: steps.g.conditions[0].min: parameter 'N' is of type String. "
        "Give it type Float or Integer."
    ]


def test_a_value_set_from_outside_is_not_blamed_on_the_file() -> None:
    text = "name: x\nsteps:\n  a: {kind: dataset, data: ./x}\n"
    loaded = load_spec_with_lines(text, overrides={"steps.a.data": "$nope"})
    with pytest.raises(SpecError) as caught:
        build_plan(loaded.spec, file=Path("spec.yaml"), lines=loaded.lines)
    assert str(caught.value) == ("--set steps.a.data: there is no step 'nope'. The steps are: a.")


def test_every_problem_is_reported_at_once(problems_of: ProblemsOf) -> None:
    steps = """
a: {kind: dataset, data: $b}
b: {kind: dataset, data: $a}
c: {kind: dataset, data: $nope}
d: {kind: dataset, data: $params.Nope}
e: {kind: processing, script: a.py, inputs: {x: $f.x}}
f: {kind: processing, script: a.py, after: [e, e], outputs: {x: csv}}
"""
    assert [problem.split(": ", 2)[1] for problem in problems_of(steps)] == [
        "steps.a.data",
        "steps.c.data",
        "steps.d.data",
        "steps.e.inputs.x",
    ]


def test_a_parameter_that_is_named_like_a_step_is_told_with_how_to_write_it() -> None:
    text = "name: x\nparameters: {Rows: {type: S3Uri}}\nsteps:\n  a: {kind: dataset, data: $Rows}\n"
    loaded = load_spec_with_lines(text, file=Path("spec.yaml"))
    with pytest.raises(SpecError) as caught:
        build_plan(loaded.spec, file=Path("spec.yaml"), lines=loaded.lines)
    meant = "there is no step 'Rows'. For the parameter write '$params.Rows'."
    assert str(caught.value) == f"spec.yaml:4: steps.a.data: {meant}"
    with pytest.raises(SpecError, match=r"For the parameter write '\$params.Rows'\."):
        load_spec_with_lines(text.replace("kind: dataset", "kind: dataset, dta: 1"))


@pytest.mark.parametrize(
    ("method", "reader", "said"),
    [
        (
            "lora, merge_adapter: false",
            "next: {kind: train, objective: sft, model: $sft, data: ./d}",
            "steps.next.model_name_or_path: 'sft' saves an adapter, without the model under it. "
            "Write `merge_adapter: true` there.",
        ),
        (
            "loreft",
            "next: {kind: train, objective: sft, model: $sft, data: ./d}",
            "steps.next.model_name_or_path: 'sft' saves interventions (ReFT), without the model "
            "under it. `loreft` can never be merged. Start from the model it was trained on.",
        ),
        (
            "loreft",
            "exam: {kind: evaluate, model: $sft, data: ./t}",
            "steps.exam.model: 'sft' saves interventions (ReFT), without the model under it. "
            "Write `base_model`, the model it was trained on.",
        ),
    ],
)
def test_a_reader_that_needs_a_whole_model_is_refused_what_stands_beside_one(
    method: str, reader: str, said: str, problems_of: Callable[..., list[str]]
) -> None:
    train = f"sft: {{kind: train, objective: sft, model: ./m, data: ./d, method: {method}}}"
    assert problems_of(f"{train}\n{reader}") == [f"spec.yaml:5: {said}"]
