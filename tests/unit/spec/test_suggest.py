"""What somebody meant."""

from __future__ import annotations

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.findings import Findings, line_of
from orchestrator.spec.suggest import did_you_mean


def test_the_closest_name_is_suggested_whatever_its_case() -> None:
    assert did_you_mean("SPLITT", ["sft", "Split"]) == "Did you mean 'Split'?"


def test_the_choices_are_listed_where_none_is_close() -> None:
    assert did_you_mean("x", ["alpha", "beta"]) == "Choose from: alpha, beta."
    assert did_you_mean("x", ["alpha"], noun="steps") == "The steps are: alpha."


def test_a_long_list_is_cut() -> None:
    assert did_you_mean("?", [f"step{index}" for index in range(20)]).endswith("and 8 more.")


def test_nothing_is_suggested_where_nothing_exists() -> None:
    assert did_you_mean("x", []) == ""


def test_a_path_without_a_line_has_the_line_of_what_holds_it() -> None:
    lines = {"a": 1, "a.b": 2, "a.c": 3, "a.c[1]": 4}
    paths = {"a.b.x.y": 2, "a.c[1].z": 4, "a.c[0]": 3, "a.d": 1, "e": None}
    assert {path: line_of(lines, path) for path in paths} == paths


def test_a_problem_found_twice_is_told_once() -> None:
    findings = Findings(None, {})
    findings.refuse("a", "wrong")
    findings.refuse("a", "wrong")
    with pytest.raises(SpecError) as caught:
        findings.raise_problems()
    assert str(caught.value) == "a: wrong."
