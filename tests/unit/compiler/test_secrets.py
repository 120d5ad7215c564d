"""A definition says where a secret is; it never holds one, and isolated jobs cannot fetch one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.compile import Compiled, compile_plan
from orchestrator.compiler.environment import LOCAL, Environment
from orchestrator.compiler.sources import gather_sources
from orchestrator.definition.validation import validate
from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec
from orchestrator.spec.project import SecretSpec

SPEC = """
name: x
steps:
  clean:
    kind: processing
    script: ./clean.py
    environment: {A: plain, HF_TOKEN: $secrets.hf}
    outputs: {rows: jsonl}
  fit:
    kind: train
    script: ./clean.py
    environment: {DB: $secrets.db}
  split: {kind: dataset, data: $clean}
"""
SECRETS = {
    "hf": SecretSpec.model_validate({"secret_id": "acme/hf", "key": "token"}),
    "db": SecretSpec.model_validate({"secret_id": "acme/db", "env": "MY_DB"}),
}


def compiled(project: Any, environment: Environment = LOCAL) -> Compiled:
    plan, _ = build_plan(load_spec(SPEC), secrets=SECRETS)
    sources = gather_sources(plan, project.folder, environment, library=project.scripts)
    return compile_plan(plan, environment, sources)


def test_the_environment_says_where_the_secret_is(project: Any, arguments_of: Any) -> None:
    found = compiled(project)
    assert arguments_of(found, "clean")["Environment"] == {
        "A": "plain",
        "FMO_SECRET_HF_TOKEN": '{"secret_id": "acme/hf", "key": "token"}',
    }
    told = json.loads(arguments_of(found, "fit")["Environment"]["FMO_SECRET_DB"])
    assert told == {"secret_id": "acme/db", "env": "MY_DB"}
    assert "Environment" not in arguments_of(found, "split")
    assert validate(found.definition, load_shapes()) == ()


def test_jobs_without_a_network_cannot_have_secrets(project: Any, prod: Environment) -> None:
    with pytest.raises(SpecError) as caught:
        compiled(project, prod)
    texts = [str(problem) for problem in caught.value.problems]
    assert texts[0] == (
        "steps.clean.environment.HF_TOKEN: the job fetches a secret, and environment 'prod' cuts "
        "its jobs off from every network. Remove the variable, or `network_isolation: true` from "
        "the environment."
    )
    assert texts[1].startswith("steps.fit.environment.DB: ")
    assert len(texts) == 2
    compiled(project, replace(prod, network_isolation=False))
