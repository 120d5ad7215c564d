import pytest

from orchestrator.definition.expressions import (
    Get,
    Join,
    JsonGet,
    JsonGetS3,
    evaluate,
    referenced_steps,
    references,
)
from orchestrator.definition.paths import follow
from orchestrator.errors import DefinitionError

VALUES = {
    "Parameters": {"Epochs": 3, "Rate": 2e-05, "Strict": True, "Name": "a"},
    "Steps": {"Prepare": {"Outputs": [{"OutputName": "data", "Uri": "s3://b/data"}]}},
}
FILES = {("Prepare", "Metrics"): {"loss": {"value": 0.5}, "a.b": [1, 2]}}
OBJECTS = {"s3://b/data/metrics.json": {"rows": 7}}


class Known:
    """A resolver over plain dictionaries."""

    def get(self, path):
        return follow(VALUES, path)

    def property_file(self, step, name):
        return FILES[step, name]

    def s3_document(self, uri):
        return OBJECTS[uri]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (Get("Parameters.Epochs"), 3),
        (Get("Steps.Prepare.Outputs['data'].Uri"), "s3://b/data"),
        (Join("/", ["s3:/", Get("Parameters.Name"), 1]), "s3://a/1"),
        (Join("", [Get("Parameters.Rate")]), "2e-05"),
        (Join(",", [Get("Parameters.Strict"), False]), "true,false"),
        (Join("-", []), ""),
        (JsonGet("Prepare", "Metrics", "loss.value"), 0.5),
        (JsonGet("Prepare", "Metrics", "$['a.b'][1]"), 2),
        (
            JsonGetS3(
                Join("/", [Get("Steps.Prepare.Outputs['data'].Uri"), "metrics.json"]), "rows"
            ),
            7,
        ),
        ({"a": [Get("Parameters.Epochs"), {"b": Get("Parameters.Name")}]}, {"a": [3, {"b": "a"}]}),
        ({"Get": "Parameters.Name", "Other": 1}, {"Get": "Parameters.Name", "Other": 1}),
    ],
)
def test_an_expression_becomes_the_value_it_means(expression, value):
    assert evaluate(expression, Known()) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ({"Get": 1}, "the path must be text, not 1"),
        ({"Std:Join": []}, "it needs an object, not a list"),
        ({"Std:Join": {"On": ""}}, "it needs On, a text, and Values, a list"),
        (Join("", [None]), "cannot join null"),
        ({"Std:JsonGet": {"Path": "a"}}, "cannot tell what to read"),
        ({"Std:JsonGet": {"PropertyFile": Get("Parameters.A"), "Path": "a"}}, "cannot tell"),
        ({"Std:JsonGet": {"S3Uri": "s3://b/data/metrics.json"}}, "Path must be text"),
        (JsonGet("Prepare", "Metrics", "los"), "nothing at 'los'; the members there are a.b, loss"),
    ],
)
def test_a_malformed_expression_says_what_it_needs(expression, reason):
    with pytest.raises(DefinitionError, match=reason):
        evaluate(expression, Known())


def test_references_inside_other_expressions_are_found():
    value = {
        "x": Join("/", [Get("Parameters.A"), JsonGetS3(Get("Steps.a.Uri"), "p")]),
        "y": [JsonGet("b", "F", "p")],
    }
    assert references(value) == {"Parameters.A", "Steps.a.Uri", "Steps.b.PropertyFiles.F"}
    assert referenced_steps(value) == {"a", "b"}
