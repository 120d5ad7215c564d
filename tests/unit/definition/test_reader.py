import json

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.expressions import evaluate
from orchestrator.definition.model import definition_bytes, to_json, walk
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate
from orchestrator.errors import DefinitionError


def read(raw):
    return parse_definition(json.dumps(raw).encode())


def test_a_definition_is_written_as_it_was_read(raw):
    assert to_json(read(raw)) == raw
    assert parse_definition(definition_bytes(read(raw))) == read(raw)


def test_members_this_version_does_not_know_are_kept(raw):
    raw["MlflowConfig"] = None
    raw["PipelineExperimentConfig"] = None
    raw["Parameters"][0]["Colour"] = "red"
    step = raw["Steps"][0]
    step["FunctionArn"] = "arn"
    step["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P1D", "Scope": {"a": 1}}
    step["DependsOn"] = ["a", {"Step": "b", "Trigger": "Failed"}, {"Step": "c"}]
    step["RetryPolicies"] = [{"ExceptionType": "Step.THROTTLING", "MaxAttempts": 2, "New": []}]
    step["PropertyFiles"] = []
    assert to_json(read(raw)) == raw


def test_nested_steps_are_found_with_the_branches_they_lie_in(raw):
    found = {placed.step.name: placed.branches for placed in walk(read(raw).steps)}
    assert [branch.side for branch in found["Train"]] == ["IfSteps"]
    assert [branch.condition for branch in found["Failed"]] == ["Gate"]
    assert found["Prepare"] == ()


def test_a_dependency_on_another_outcome_is_read(raw):
    raw["Steps"][0]["DependsOn"] = [{"Step": "Other", "Trigger": "Failed"}]
    step = read(raw).steps[0]
    assert step.depends_on == ("Other",)
    assert step.triggers == {"Other": "Failed"}


def test_every_problem_of_form_is_reported_at_once(raw):
    raw["Parameters"][0]["Type"] = "Number"
    del raw["Steps"][0]["Name"]
    raw["Steps"][0]["CacheConfig"] = {"Enabled": "yes"}
    raw["Steps"][0]["DependsOn"] = [7]
    raw["Steps"].append("step")
    with pytest.raises(DefinitionError) as caught:
        read(raw)
    assert [str(problem) for problem in caught.value.problems] == [
        "Parameters[0].Type: there is no type 'Number'. "
        "Use one of String, Integer, Float, Boolean.",
        "Steps[0].DependsOn: 7 names no step. "
        'Write step names, or {"Step": NAME, "Trigger": "Failed"}.',
        "Steps[0]: Name is missing.",
        "Steps[0].CacheConfig.Enabled: this is text, 'yes'. Write true or false.",
        "Steps[2]: this is text, 'step'. Write an object.",
    ]


@pytest.mark.parametrize("document", [[], "x", None, 1])
def test_a_document_that_is_no_object_is_refused(document):
    with pytest.raises(DefinitionError, match="Write an object"):
        read(document)


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("DependsOn", "Other", "Steps[0].DependsOn: this is text, 'Other'. Write a list."),
        ("Arguments", None, "Steps[0].Arguments: this is null. Write an object."),
        ("Name", 7, "Steps[0].Name: this is a number, 7. Write text."),
        ("Description", [], "Steps[0].Description: this is a list. Write text."),
        ("CacheConfig", True, "Steps[0].CacheConfig: this is a boolean, True. Write an object."),
        (
            "RetryPolicies",
            [{"ExceptionType": [1], "MaxAttempts": 1.5, "BackoffRate": "2"}],
            "Steps[0].RetryPolicies[0].ExceptionType: this is a number, 1. "
            "Write text in the list.\n"
            "Steps[0].RetryPolicies[0].BackoffRate: this is text, '2'. Write a number.\n"
            "Steps[0].RetryPolicies[0].MaxAttempts: this is a number, 1.5. Write a whole number.",
        ),
    ],
)
def test_a_member_of_the_wrong_type_is_named_with_its_value(raw, member, value, said):
    raw["Steps"][0][member] = value
    with pytest.raises(DefinitionError) as caught:
        read(raw)
    assert str(caught.value) == said


def nested(levels):
    step = {"Name": "s", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}
    for level in range(levels):
        conditions = [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]
        arguments = {"Conditions": conditions, "IfSteps": [step], "ElseSteps": []}
        step = {"Name": f"c{level}", "Type": "Condition", "Arguments": arguments}
    return {"Version": "2020-12-01", "Parameters": [], "Steps": [step]}


def test_fifty_nested_conditions_are_read_judged_and_written():
    definition = read(nested(50))
    assert to_json(definition) == nested(50)
    assert validate(definition, load_shapes()) == ()


def test_branches_nested_too_deep_are_an_error_not_a_crash():
    with pytest.raises(DefinitionError, match="nested more than 160 deep"):
        read(nested(60))


def test_arguments_as_deep_as_is_allowed_do_not_crash():
    value = "x"
    for _ in range(155):
        value = [value]
    raw = nested(0)
    raw["Steps"][0]["Arguments"] = {"ErrorMessage": value}
    assert evaluate(to_json(read(raw)), None) == raw
    validate(read(raw), load_shapes())
