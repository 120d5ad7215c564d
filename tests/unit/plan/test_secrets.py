"""Secrets in a spec are refused by their form and doubted by their name, and never repeated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec, load_spec_with_lines
from orchestrator.spec.project import SecretSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.plan.model import Plan

FILE = Path("spec.yaml")

HUGGING_FACE = "hf_" + "aB3" * 11
SPEC = """
name: x
parameters:
  {parameter}: {{type: String, default: "{default}"}}
steps:
  a:
    kind: processing
    script: ./a.py
    environment: {{{variable}: "{value}"}}
    arguments: {{{argument}: "{passed}", used: $params.{parameter}}}
    outputs: {{b: csv}}
"""


def found(**given: str) -> list[str]:
    defaults = {
        "parameter": "Rows",
        "default": "few",
        "variable": "LEVEL",
        "value": "debug",
        "argument": "mode",
        "passed": "strict",
    }
    _, warnings = build_plan(load_spec(SPEC.format(**{**defaults, **given})))
    return [str(warning) for warning in warnings]


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("value", "steps.a.environment.LEVEL"),
        ("passed", "steps.a.arguments.mode"),
        ("default", "parameters.Rows.default"),
    ],
)
@pytest.mark.parametrize(
    ("secret", "what"),
    [
        (HUGGING_FACE, "a Hugging Face token"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "an AWS access key"),
        ("ghp_" + "a1" * 18, "a GitHub token"),
        ("sk-" + "a1" * 20, "an OpenAI or Anthropic key"),
        ("-----BEGIN RSA PRIVATE " + "KEY-----", "a private key"),
    ],
)
def test_an_issued_secret_is_refused_and_not_repeated(
    field: str, where: str, secret: str, what: str
) -> None:
    with pytest.raises(SpecError) as caught:
        found(**{field: f"x {secret}"})
    text = str(caught.value)
    assert (
        f"{where}: this looks like {what}. Keep it in Secrets Manager, say where under `secrets:` "
        "in fmo.yaml, and write `environment: {NAME: $secrets.name}`." in text
    )
    assert secret not in text


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "DB_PASSWORD", "API_KEY", "AWS_SECRET_ACCESS_KEY", "aws_access_key_id"]
)
def test_a_variable_with_the_name_of_a_secret_is_doubted(name: str) -> None:
    (warning,) = found(variable=name, value="hunter2")
    assert f"steps.a.environment.{name}: by its name this is a secret" in warning
    assert "hunter2" not in warning


@pytest.mark.parametrize(
    "name", ["TOKENIZERS_PARALLELISM", "MAX_TOKENS", "SORT_KEY", "TOKEN_COUNT", "SECRETARY"]
)
def test_a_name_that_only_sounds_like_one_is_not_doubted(name: str) -> None:
    assert found(variable=name, value="8") == []


def test_a_name_without_a_value_is_not_doubted() -> None:
    assert found(variable="HF_TOKEN", value="") == []


DECLARED = {
    "hf_token": SecretSpec.model_validate({"secret_id": "acme/hf", "key": "token"}),
    "db": SecretSpec.model_validate({"secret_id": "acme/db"}),
}


def planned(step: str, declared: Mapping[str, SecretSpec] = DECLARED) -> tuple[Plan, list[str]]:
    text = f"name: x\nsteps:\n  a: {step}\n"
    loaded = load_spec_with_lines(text, file=FILE)
    plan, warnings = build_plan(loaded.spec, file=FILE, lines=loaded.lines, secrets=declared)
    return plan, [str(warning) for warning in warnings]


def refusals(step: str, declared: Mapping[str, SecretSpec] = DECLARED) -> list[str]:
    with pytest.raises(SpecError) as caught:
        planned(step, declared)
    return [str(problem) for problem in caught.value.problems]


def test_a_variable_may_name_a_secret() -> None:
    plan, warnings = planned(
        "{kind: processing, script: ./a.py, environment: "
        "{HF_TOKEN: $secrets.hf_token, DB: $secrets.db, LEVEL: debug}}"
    )
    assert warnings == []
    assert plan.step("a").secrets == {"HF_TOKEN": DECLARED["hf_token"], "DB": DECLARED["db"]}


def test_a_secret_that_is_not_declared_is_refused_with_a_guess() -> None:
    step = "{kind: dataset, data: ./d, environment: {T: $secrets.hf_tokn}}"
    where = "spec.yaml:3: steps.a.environment.T: there is no secret 'hf_tokn'. "
    assert refusals(step) == [f"{where}Did you mean 'hf_token'?"]
    assert refusals(step, {}) == [
        f"{where}Add `secrets: {{hf_tokn: {{secret_id: NAME}}}}` to fmo.yaml."
    ]


ELSEWHERE = (
    "`$secrets` may only be the value of a variable in `environment`. Write `environment: {NAME: "
    "$secrets.name}` in the step, and read the variable NAME in its script."
)


@pytest.mark.parametrize(
    ("step", "where"),
    [
        ("{kind: processing, script: ./a.py, arguments: {t: $secrets.db}}", "arguments.t"),
        ("{kind: processing, script: ./a.py, arguments: {t: x$secrets.db}}", "arguments.t"),
        ("{kind: processing, script: ./a.py, inputs: {t: $secrets.db}}", "inputs.t"),
        ("{kind: train, script: ./a.py, hyperparameters: {t: $secrets.db}}", "hyperparameters.t"),
        ("{kind: dataset, data: $secrets.db}", "data"),
        ("{kind: dataset, data: ./d, image_uri: $secrets.db}", "image_uri"),
        ("{kind: dataset, data: ./d, system_prompt: $secrets.db}", "system_prompt"),
    ],
)
def test_a_secret_anywhere_else_is_refused_once(step: str, where: str) -> None:
    assert refusals(step) == [f"spec.yaml:3: steps.a.{where}: {ELSEWHERE}"]


def test_a_secret_as_the_default_of_a_parameter_is_refused() -> None:
    spec = load_spec(
        "name: x\nparameters: {P: {type: String, default: $secrets.db}}\n"
        "steps: {a: {kind: dataset, data: ./d}}\n"
    )
    with pytest.raises(SpecError) as caught:
        build_plan(spec, secrets=DECLARED)
    assert f"parameters.P.default: {ELSEWHERE}" in str(caught.value)


@pytest.mark.parametrize("value", ["'https://$secrets.db@host'", "$secrets", "$secrets.db.key"])
def test_a_secret_is_the_whole_value_of_a_variable(value: str) -> None:
    step = f"{{kind: dataset, data: ./d, environment: {{URL: {value}}}}}"
    assert refusals(step) == [
        "spec.yaml:3: steps.a.environment.URL: a secret is the whole value of a variable, without "
        "text around it. Write $secrets.name alone, and add the text in the script."
    ]


def test_the_name_of_a_marker_is_taken() -> None:
    step = "{kind: dataset, data: ./d, environment: {FMO_SECRET_X: '{}'}}"
    assert refusals(step) == [
        "spec.yaml:3: steps.a.environment.FMO_SECRET_X: names that start with FMO_SECRET_ are "
        "taken. Rename it."
    ]


def test_prose_may_speak_of_secrets() -> None:
    step = "{kind: dataset, data: ./d, description: 'Needs no $secrets.db here.'}"
    assert planned(step)[1] == []
