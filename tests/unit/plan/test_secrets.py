"""Secrets in a spec are refused by their form and doubted by their name, and never repeated."""

from __future__ import annotations

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec

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
    assert f"{where}: this looks like {what}. Keep it in Secrets Manager" in text
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
