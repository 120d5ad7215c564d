"""Specs as YAML and as JSON Schema."""

from __future__ import annotations

import json

import pytest

from orchestrator.spec.load import load_spec, spec_json_schema, spec_to_yaml
from orchestrator.spec.models import aliases_of, step_models


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain words (here)", "plain words (here)"),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("012", '"012"'),
        ("no", '"no"'),
        ("1e5", '"1e5"'),
        ("", '""'),
        ("two\nlines", '"two\\nlines"'),
        ("é", '"é"'),
        ("\x85\ufeff", '"\\u0085\\ufeff"'),
        ("😀", '"😀"'),
        (" a", '" a"'),
        ("null", '"null"'),
    ],
)
def test_text_is_quoted_only_where_it_must_be(text: str, written: str) -> None:
    source = json.dumps({"name": "x", "description": text, "steps": {"a": A_STEP}})
    spec = load_spec(source)
    assert f"\ndescription: {written}\n" in spec_to_yaml(spec)
    assert load_spec(spec_to_yaml(spec)).description == text


A_STEP = {"kind": "dataset", "data": "./x"}


def test_aliases_are_written_under_canonical_names() -> None:
    text = "name: x\nsteps: {a: {kind: train, objective: sft, base_model: ./m, data: ./d, lr: 0.1}}"
    written = spec_to_yaml(load_spec(text))
    assert "model_name_or_path: ./m" in written
    assert "learning_rate: 0.1" in written


def test_the_schema_describes_every_key_of_every_kind() -> None:
    schema = json.loads(json.dumps(spec_json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["name", "steps"]
    for model in step_models().values():
        step = schema["$defs"][model.__name__]
        assert set(step["properties"]) == set(model.model_fields)
        assert step["required"][0] == "kind"
        undescribed = [name for name, key in step["properties"].items() if not key["description"]]
        assert undescribed == []


def test_the_schema_holds_no_titles_of_fields() -> None:
    text = json.dumps({**spec_json_schema(), "title": ""})
    assert '"title": "' not in text.replace('"title": ""', "")
    assert "discriminator" not in text


def test_no_alias_is_also_a_field() -> None:
    for model in step_models().values():
        assert set(aliases_of(model)) & set(model.model_fields) == set()
