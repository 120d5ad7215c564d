"""`--set`: what it may say and where the value goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.load import load_spec
from orchestrator.spec.overrides import parse_overrides

Problems = Callable[..., list[str]]

SPEC = """\
name: x
steps:
  sft: {kind: train, objective: sft, model: &m hf://a/b, data: ./rows, lr: 0.1}
  exam: {kind: evaluate, model: $sft, data: ./test, closed_tasks: [a, b], description: *m}
  go: {kind: gate, conditions: [{metric: $exam.metrics.accuracy, min: 0.5}]}
"""


def dumped(step: str, **overrides: str) -> dict[str, object]:
    named = {path.replace("__", "."): value for path, value in overrides.items()}
    return load_spec(SPEC, overrides=named).steps[step].model_dump()


def test_arguments_become_paths_and_text() -> None:
    assert parse_overrides(["steps.sft.lr=1e-4", "steps.a.b=x=y", "steps.sft.lr=2"]) == {
        "steps.sft.lr": "2",
        "steps.a.b": "x=y",
    }


def test_every_argument_without_path_or_value_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        parse_overrides(["steps.sft.lr", "=3", "a..b=1"])
    assert [str(problem) for problem in caught.value.problems] == [
        f"--set: {argument!r} does not say which field to set to what. "
        "Write --set steps.STEP.FIELD=VALUE, without spaces."
        for argument in ("steps.sft.lr", "=3", "a..b=1")
    ]


def test_a_value_has_the_type_that_yaml_gives_it() -> None:
    assert dumped("sft", steps__sft__learning_rate="1e-4")["learning_rate"] == 0.0001
    assert dumped("sft", steps__sft__packing="false")["packing"] is False
    assert dumped("sft", steps__sft__description="no: way")["description"] == "no: way"
    assert dumped("sft", steps__sft__description="'12'")["description"] == "12"
    assert dumped("exam", steps__exam__closed_tasks="[c]")["closed_tasks"] == ("c",)


def test_an_alias_overrides_the_field_it_means() -> None:
    assert dumped("sft", steps__sft__lr="0.2")["learning_rate"] == 0.2


def test_a_metric_with_dots_in_its_name_can_be_bounded() -> None:
    gates = dumped("exam", **{"steps.exam.gates.max.forgetting.loss_delta": "0.5"})["gates"]
    assert gates["max"] == {"forgetting.loss_delta": 0.5}


def test_an_item_of_a_list_can_be_set() -> None:
    spec = load_spec(SPEC, overrides={"steps.go.conditions[0].min": "0.9"})
    assert spec.steps["go"].model_dump()["conditions"][0]["min"] == 0.9


def test_what_an_alias_shares_stays_as_it_was() -> None:
    text = "name: x\nsteps:\n  a: &a {kind: dataset, data: ./x, split: {test: 0.1}}\n  b: *a\n"
    spec = load_spec(text, overrides={"steps.a.split.test": "0.2"})
    assert spec.steps["a"].model_dump()["split"]["test"] == 0.2
    assert spec.steps["b"].model_dump()["split"]["test"] == 0.1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("steps.stf.lr", "1", "--set steps.stf.lr: there is no step 'stf'. Did you mean 'sft'?"),
        (
            "steps.sft.learning_rat",
            "1",
            "--set steps.sft.learning_rat: there is no key 'learning_rat' here. "
            "Did you mean 'learning_rate'?",
        ),
        (
            "steps.sft.lr",
            "fast",
            "--set steps.sft.learning_rate: expected a number or $params.Name, found 'fast'.",
        ),
        ("nam", "y", "--set nam: there is no key 'nam' here. Did you mean 'name'?"),
        (
            "steps.sft.lr.x",
            "1",
            "--set steps.sft.lr.x: there is no mapping to hold 'x'. Set the whole field.",
        ),
        (
            "steps.go.conditions[7].min",
            "1",
            "--set steps.go.conditions[7].min: there is no list with an item [7]. "
            "Set the whole field.",
        ),
        (
            "steps.exam.closed_tasks",
            "[a",
            "--set steps.exam.closed_tasks: this is not YAML at line 1, column 8: "
            "expected ',' or ']', but got the stream end. Check brackets and quotes.",
        ),
        ("a..b", "1", "--set: 'a..b' is no path. Write steps.STEP.FIELD."),
    ],
)
def test_a_bad_override_is_refused(path: str, value: str, said: str, problems: Problems) -> None:
    assert problems(SPEC, **{path: value}) == [said]
