"""Every form that a value must have is said in words."""

from __future__ import annotations

import json
import re

from orchestrator.spec.load import spec_json_schema
from orchestrator.spec.project import ProjectSpec
from orchestrator.spec.wording import PATTERNS, show


def test_every_pattern_of_the_models_is_said_in_words() -> None:
    schema = json.dumps(spec_json_schema())
    written = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema))
    assert {json.loads(pattern) for pattern in written} - set(PATTERNS) == set()


def test_no_pattern_is_said_that_no_model_has() -> None:
    schema = json.dumps([spec_json_schema(), ProjectSpec.model_json_schema()])
    unused = {pattern for pattern in PATTERNS if json.dumps(pattern) not in schema}
    assert unused == set()


def test_values_are_shown_as_yaml_writes_them() -> None:
    values: list[object] = [True, None, {"a": 1}, {}, ["a"], (), 3, "x", r"C:\x", "y" * 100]
    assert [show(value) for value in values] == [
        "true",
        "nothing",
        "a mapping",
        "an empty mapping",
        "a list",
        "an empty list",
        "3",
        "'x'",
        r"'C:\x'",
        f"'{'y' * 59}...",
    ]
