"""What differs between two definitions, in the words of the JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definition.changes import Change, changes_between


def between(before: Any, after: Any) -> list[tuple[str, str]]:
    found = changes_between(json.dumps(before).encode(), json.dumps(after).encode())
    return [(change.kind, change.path) for change in found]


def steps(*names: str, image: str = "a") -> dict[str, Any]:
    return {"Steps": [{"Name": name, "Arguments": {"Image": image}} for name in names]}


def test_a_member_is_named_by_its_path_and_a_step_by_its_name() -> None:
    assert between(steps("a", "b"), steps("a", "b", image="c")) == [
        ("changed", "Steps.a.Arguments.Image"),
        ("changed", "Steps.b.Arguments.Image"),
    ]


def test_one_step_more_is_one_change_wherever_it_stands() -> None:
    assert between(steps("a", "b"), steps("new", "a", "b")) == [("added", "Steps.new")]
    assert between(steps("new", "a", "b"), steps("a", "b")) == [("removed", "Steps.new")]


def test_another_order_is_a_change_of_its_own() -> None:
    assert between(steps("a", "b"), steps("b", "a")) == [("changed", "Steps (order)")]


def test_items_without_names_are_told_apart_by_their_places() -> None:
    assert between({"Args": ["x", "y"]}, {"Args": ["x", "z", "w"]}) == [
        ("changed", "Args[1]"),
        ("added", "Args[2]"),
    ]


def test_two_items_of_one_name_are_told_apart_by_their_places() -> None:
    assert between(steps("a", "a"), steps("a", "a", image="c"))[0][1] == "Steps[0].Arguments.Image"


@pytest.mark.parametrize(("before", "after"), [(1, 1.0), (1, True), (0, False), ("1", 1)])
def test_values_of_two_types_differ(before: Any, after: Any) -> None:
    assert between({"a": before}, {"a": after}) == [("changed", "a")]


def test_a_change_carries_both_values() -> None:
    (change,) = changes_between(b'{"a": {"b": 1}}', b'{"a": {"b": 2}}')
    assert change == Change("a.b", "changed", 1, 2)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_nothing_differs_exactly_if_both_say_the_same(before: Any, after: Any) -> None:
    def said(value: Any) -> str:
        return json.dumps(value, sort_keys=True)

    assert (between(before, after) == []) == (said(before) == said(after))
