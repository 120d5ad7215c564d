"""Compiled definitions equal reviewed JSON files, byte for byte, and are valid."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.model import definition_bytes
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate


def load_update() -> Any:
    path = Path(__file__).with_name("update.py")
    spec = importlib.util.spec_from_file_location("golden_update", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


update = load_update()
CASES = [pytest.param(*case, id=update.expected_path(*case).stem) for case in update.cases()]


@pytest.mark.parametrize(("spec", "environment"), CASES)
def test_a_spec_compiles_to_the_reviewed_bytes(spec: Path, environment: Any) -> None:
    expected = update.expected_path(spec, environment).read_text(encoding="utf-8")
    # As text, so that a failure shows the lines that differ. `make golden` writes them anew.
    assert update.compile_golden(spec, environment).json.decode() == expected


@pytest.mark.parametrize(("spec", "environment"), CASES)
def test_a_reviewed_definition_is_read_back_as_it_is(spec: Path, environment: Any) -> None:
    data = update.expected_path(spec, environment).read_bytes()
    definition = parse_definition(data)
    assert definition_bytes(definition) == data


@pytest.mark.parametrize(("spec", "environment"), CASES)
def test_a_reviewed_definition_has_no_problem(spec: Path, environment: Any) -> None:
    data = update.expected_path(spec, environment).read_bytes()
    assert validate(parse_definition(data), load_shapes()) == ()


def test_no_expected_file_is_left_over() -> None:
    expected = {update.expected_path(*case) for case in update.cases()}
    assert set((update.HERE / "expected").glob("*.json")) == expected
