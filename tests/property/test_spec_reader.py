"""Laws of reading specs: no text makes the reader panic, and what is written reads back."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.errors import SpecError
from orchestrator.spec.findings import Findings
from orchestrator.spec.load import load_spec, spec_to_yaml
from orchestrator.spec.overrides import parse_overrides
from orchestrator.spec.reader import decode_spec, read_document
from orchestrator.spec.scalars import resolve_scalar

SPEC = """\
name: x
parameters: {Rows: {type: Integer, default: 3}}
steps:
  split: {kind: dataset, data: ./x, columns: {prompt: q}, split: {test: 0.2}}
  sft:
    kind: train
    objective: sft
    model: hf://a/b
    data: $split
    gates: {max: {loss: 3}}
  go: {kind: gate, conditions: [{metric: $sft.metrics.loss, max: 3}]}
"""
CHARACTERS = st.sampled_from("abz019 .:-?,[]{}#&*!|>'\"%@`~\\/\n\t=<\x85\ufeff\u2028é😀")
SNIPPETS = st.sampled_from(
    ["a: ", "- ", "\n", "  ", "&a ", "*a", "<<: ", "!!", "!x ", "? ", "---\n", "...", "%YAML 1.1\n",
     "%TAG ! x\n", "|\n", ">-\n", "'", '"', "{", "}", "[", "]", ": ", "\\u", "\\x", "null", "1e-4"]
)  # fmt: skip


def loads(text: str, *overrides: str) -> bool:
    """Return whether a spec came back; anything but a SpecError is a bug."""
    try:
        load_spec(text, overrides=parse_overrides(overrides))
    except SpecError as error:
        if not error.problems:
            raise
        return False
    return True


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHARACTERS | SNIPPETS | st.characters(), max_size=40).map("".join))
@example("[" * 5000)
@example("{" * 5000)
@example("- " * 5000)
@example("? " * 2000)
@example("a: !<tag:yaml.org,2002:int> 1e")
@example('a: "\\UFFFFFFFF"')
@example("%YAML 1.2 x")
@example("\x00")
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(loads(text), bool)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_spec_with_anything_changed_is_read_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SPEC)))
    end = data.draw(st.integers(start, min(start + 20, len(SPEC))))
    text = SPEC[:start] + data.draw(st.lists(CHARACTERS | SNIPPETS, max_size=4).map("".join))
    assert isinstance(loads(text + SPEC[end:]), bool)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON, min_size=1, max_size=4))
def test_json_reads_as_json_does(data: dict[str, object]) -> None:
    # A plain scalar `1e400` is infinite for both; an integer of many digits is the same number.
    text = json.dumps(data)
    if any(key == "<<" for key in keys_of(data)):
        return
    assert read_document(text, Findings(None, {})) == json.loads(text)


def keys_of(tree: object) -> list[str]:
    if isinstance(tree, dict):
        return [*tree, *(key for value in tree.values() for key in keys_of(value))]
    if isinstance(tree, list):
        return [key for value in tree for key in keys_of(value)]
    return []


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_spec_of_any_shape_is_read_or_refused(tree: object) -> None:
    for spec in ({"name": "x", "steps": {"a": tree}}, {"name": "x", "steps": tree}):
        with pytest.raises(SpecError):
            load_spec(json.dumps(spec))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(
    ["name", "steps", "steps.sft", "steps.sft.lr", "steps.split.split.test", "steps.sft.gates",
     "steps.go.conditions[0].max", "steps.sft.gates.max.a.b", "parameters.Rows.default"]
), st.text(max_size=12))  # fmt: skip
def test_any_override_is_applied_or_refused(path: str, text: str) -> None:
    assert isinstance(loads(SPEC, f"{path}={text}"), bool)


@settings(max_examples=100, deadline=None)
@given(st.text(), st.dictionaries(st.text(max_size=80), st.text(), max_size=4), st.floats(0, 0.9))
def test_what_is_written_reads_back(text: str, columns: dict[str, str], share: float) -> None:
    step = {
        "kind": "dataset",
        "data": "./x",
        "system_prompt": text,
        "columns": columns,
        "split": {"test": share, "validation": 0.05},
    }
    if "<<" in columns:
        return
    spec = load_spec(json.dumps({"name": "x", "description": text, "steps": {"a": step}}))
    written = spec_to_yaml(spec)
    assert load_spec(written) == spec
    assert spec_to_yaml(load_spec(written)) == written


@given(st.binary(max_size=60))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        text = decode_spec(data)
    except SpecError:
        text = None
    if text is not None:
        assert text.encode() == data.removeprefix(b"\xef\xbb\xbf")


@given(st.integers())
def test_a_number_is_the_number_written(number: int) -> None:
    assert resolve_scalar(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_fraction_is_the_fraction_written(number: float) -> None:
    assert resolve_scalar(repr(number)) == number
