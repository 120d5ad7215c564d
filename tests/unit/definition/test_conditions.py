import pytest

from orchestrator.definition.conditions import (
    Comparison,
    In,
    Not,
    Or,
    evaluate_condition,
    evaluate_conditions,
)
from orchestrator.errors import DefinitionError

YES, NO = Comparison("Equals", 1, 1), Comparison("Equals", 1, 2)


def holds(condition):
    return evaluate_condition(condition, lambda value: value)


@pytest.mark.parametrize(
    ("type_", "left", "right", "expected"),
    [
        ("Equals", 1, 1.0, True),
        ("Equals", "1", 1, False),
        ("Equals", True, 1, False),
        ("Equals", "a", "a", True),
        ("GreaterThan", 1, 1, False),
        ("GreaterThan", 2, 1, True),
        ("GreaterThanOrEqualTo", 1, 1, True),
        ("LessThan", 1, 1, False),
        ("LessThan", 0.5, 1, True),
        ("LessThanOrEqualTo", 1, 1, True),
        ("LessThanOrEqualTo", 2, 1, False),
    ],
)
def test_a_comparison_compares(type_, left, right, expected):
    assert holds(Comparison(type_, left, right)) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (In("a", ["b", "a"]), True),
        (In(value=True, values=[1]), False),
        (In("a", []), False),
        (Not(NO), True),
        (Not(Not(NO)), False),
        ({"Type": "Not", "Expression": YES}, False),
        (Or([NO, YES]), True),
        (Or([NO, NO]), False),
    ],
)
def test_conditions_combine(condition, expected):
    assert holds(condition) is expected


def test_a_list_of_conditions_means_that_all_hold():
    assert evaluate_conditions([YES, YES], lambda value: value)
    assert not evaluate_conditions([YES, NO], lambda value: value)


def test_values_are_resolved_before_they_are_compared():
    known = {"a": 5}
    condition = Comparison("GreaterThan", "a", 4)
    assert evaluate_condition(condition, lambda value: known.get(value, value))


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("yes", "text is not a condition"),
        ({"Type": "Near"}, "the type 'Near' is unknown"),
        ({"Type": "Equals", "LeftValue": 1}, "RightValue is missing"),
        ({"Type": "Or", "Conditions": 1}, "Conditions must be a list"),
        ({"Type": "Not"}, "Condition is missing"),
        (Comparison("LessThan", "5", 6), "cannot order text, '5'"),
        (Comparison("LessThan", left=True, right=6), "cannot order a boolean"),
    ],
)
def test_a_condition_that_cannot_be_decided_is_an_error(condition, reason):
    with pytest.raises(DefinitionError, match=reason):
        holds(condition)
