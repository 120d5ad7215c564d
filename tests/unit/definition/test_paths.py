import pytest

from orchestrator.definition.paths import follow, format_path, parse_path
from orchestrator.errors import DefinitionError


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("Parameters.Least", ("Parameters", "Least")),
        (
            "Steps.X.ProcessingOutputConfig.Outputs['a.b'].S3Output.S3Uri",
            ("Steps", "X", "ProcessingOutputConfig", "Outputs", "a.b", "S3Output", "S3Uri"),
        ),
        (
            "Steps.T.TrainingJobSummaries[0].TrainingJobName",
            ("Steps", "T", "TrainingJobSummaries", 0, "TrainingJobName"),
        ),
        ("$['a.b']", ("a.b",)),
        ('$["a"][1]', ("a", 1)),
        ("$.a[0].b", ("a", 0, "b")),
        ("eval/loss", ("eval/loss",)),
        (r"['it\'s']", ("it's",)),
    ],
)
def test_a_path_is_its_names_and_indexes(text, segments):
    assert parse_path(text) == segments


@pytest.mark.parametrize(
    "text", ["", "$", "a..b", "a[*]", "$..a", "a[?(@.b)]", "a['b", "a.", "a b"]
)
def test_a_path_with_anything_else_is_refused(text):
    with pytest.raises(DefinitionError, match=r"Use names, \['quoted names'\] and \[0\] indexes"):
        parse_path(text)


def test_a_path_can_be_written_again():
    assert format_path(("Steps", "a", "Outputs", "b.c", 0)) == "Steps.a.Outputs['b.c'][0]"


def test_a_name_in_a_list_selects_the_item_called_so():
    document = {"Outputs": [{"OutputName": "a", "Uri": 1}, {"OutputName": "b", "Uri": 2}]}
    assert follow(document, ("Outputs", "b", "Uri")) == 2


def test_a_path_to_nothing_says_where_it_ended_and_what_was_there():
    with pytest.raises(DefinitionError) as caught:
        follow({"a": {"loss": 1, "rows": 2}}, parse_path("a.los.value"))
    assert str(caught.value) == (
        "path 'a.los.value': nothing at 'a.los'; the members there are loss, rows."
    )


@pytest.mark.parametrize("path", ["a[2]", "b.c", "a.x", "b[0]"])
def test_a_path_beyond_what_is_there_is_an_error(path):
    with pytest.raises(DefinitionError, match="nothing at"):
        follow({"a": [1, 2], "b": "text"}, parse_path(path))
