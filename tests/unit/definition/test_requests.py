"""Java patterns, and shapes that no step of ours has."""

import pytest

from orchestrator.definition.requests import RequestChecker, matches
from orchestrator.definition.shapes import Shape


class Shapes:
    def __init__(self, *shapes):
        self._shapes = {shape.name: shape for shape in shapes}

    def shape(self, service, name):
        del service
        return self._shapes.get(name)

    def input_of(self, *_):
        return None

    output_of = input_of


TEXT = Shape("Text", "string")
TREE = Shape("Tree", "structure", members={"Left": "Tree", "Name": "Text"})
CHOICE = Shape("Choice", "structure", members={"A": "Text", "B": "Text"}, union=True)
DOCUMENT = Shape("Document", "any")


def said(value, *shapes):
    checker = RequestChecker(Shapes(TEXT, *shapes), "any")
    return [str(problem) for problem in checker.value(value, shapes[0].name, "X")]


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("[a-z]+", "abc", True),
        ("[a-z]+", "abcD", False),
        (r"\w+", "é", False),
        (r"arn:[\p{Alnum}\-]+", "arn:a-1", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "Größe 1", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a#b", False),
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", "anything, as Python has no such class", True),
        (".*", "two\nlines", False),
    ],
)
def test_a_java_pattern_means_the_same_or_is_not_checked(pattern, text, fits):
    assert matches(pattern, text) is fits


def test_a_shape_that_holds_itself_ends():
    value = {"Left": {"Left": {"Nam": "x"}}}
    assert said(value, TREE) == ["X.Left.Left: there is no member 'Nam'. Did you mean 'Name'?"]


def test_of_a_union_one_member_is_given():
    assert said({"A": "a"}, CHOICE) == []
    assert said({"A": "a", "B": "b"}, CHOICE) == ["X: 2 members are given. Give one of A, B."]
    assert said({}, CHOICE) == ["X: 0 members are given. Give one of A, B."]


def test_a_document_may_hold_anything():
    assert said({"a": [1, None]}, DOCUMENT) == []


def test_an_unknown_shape_is_not_checked():
    assert [*RequestChecker(Shapes(), "any").value({"a": 1}, "Gone", "X")] == []


def test_members_without_a_close_name_list_what_there_is():
    assert said({"Zzz": "x"}, TREE) == ["X: there is no member 'Zzz'. Use one of Left, Name."]
