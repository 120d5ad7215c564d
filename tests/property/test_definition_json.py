"""Laws of the definition language that hold for all inputs."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.definition.conditions import Comparison, In, Not, Or, evaluate_condition
from orchestrator.definition.expressions import Get, Join, evaluate, references
from orchestrator.definition.json import dumps, parse
from orchestrator.definition.model import definition_bytes, to_json
from orchestrator.definition.paths import follow, format_path, parse_path
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import DefinitionError

# The tests run side by side on few cores: being slow is not being wrong.
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


@law
@given(JSON)
def test_any_json_survives_writing_and_reading(value):
    assert parse(dumps(value)) == value


@law
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_by_our_error(data):
    try:
        parse_definition(data)
    except DefinitionError as error:
        assert error.problems  # noqa: PT017 - either outcome is fine, a foreign error is not


KNOWN_STEP = st.fixed_dictionaries(
    {"Name": TEXT, "Type": st.sampled_from(["Training", "Fail", "Lambda", "Novel"])},
    optional={
        "DisplayName": st.none() | TEXT,
        "Description": TEXT,
        "DependsOn": st.lists(
            NAMES | st.fixed_dictionaries({"Step": NAMES}, optional={"Trigger": TEXT, "New": JSON}),
            max_size=3,
        ),
        "CacheConfig": st.fixed_dictionaries(
            {"Enabled": st.booleans()}, optional={"ExpireAfter": st.none() | TEXT, "New": JSON}
        ),
        "RetryPolicies": st.lists(
            st.fixed_dictionaries(
                {"ExceptionType": st.lists(TEXT, max_size=2) | TEXT},
                optional={
                    "MaxAttempts": st.integers(),
                    "BackoffRate": st.floats(0, 9),
                    "New": JSON,
                },
            ),
            max_size=2,
        ),
        "PropertyFiles": st.lists(
            st.fixed_dictionaries(
                {"PropertyFileName": TEXT, "OutputName": TEXT, "FilePath": TEXT},
                optional={"New": JSON},
            ),
            max_size=2,
        ),
        "Novelty": JSON,
    },
)


def complete(step, arguments):
    return {**step, "Arguments": arguments}


LEAVES = st.builds(complete, KNOWN_STEP, OBJECTS)


def conditions(inner):
    branches = st.fixed_dictionaries(
        {
            "Conditions": st.lists(JSON, max_size=2),
            "IfSteps": st.lists(inner, max_size=2),
            "ElseSteps": st.lists(inner, max_size=2),
        },
        optional={"New": JSON},
    )
    return st.builds(
        lambda step, arguments: {**step, "Type": "Condition", "Arguments": arguments},
        KNOWN_STEP,
        branches,
    )


DEFINITIONS = st.fixed_dictionaries(
    {
        "Version": TEXT,
        "Parameters": st.lists(
            st.fixed_dictionaries(
                {"Name": TEXT, "Type": st.sampled_from(["String", "Integer", "Float", "Boolean"])},
                optional={
                    "DefaultValue": JSON,
                    "EnumValues": st.none() | st.lists(TEXT, max_size=2),
                    "New": JSON,
                },
            ),
            max_size=2,
        ),
        "Steps": st.lists(st.recursive(LEAVES, conditions, max_leaves=4), max_size=3),
    },
    optional={
        "Metadata": st.none() | OBJECTS,
        "PipelineExperimentConfig": st.none() | OBJECTS,
        "MlflowConfig": JSON,
    },
)


@law
@given(DEFINITIONS)
def test_a_definition_loses_nothing_however_unknown_its_members(raw):
    definition = parse_definition(json.dumps(raw).encode())
    assert to_json(definition) == raw
    assert parse_definition(definition_bytes(definition)) == definition


SEGMENTS = st.lists(
    st.text(min_size=1, max_size=8) | st.integers(0, 99), min_size=1, max_size=5
).map(tuple)


@law
@given(SEGMENTS)
def test_a_path_that_is_written_is_read_as_the_same(path):
    assert parse_path(format_path(path)) == path


@law
@given(TEXT)
def test_any_text_is_a_path_or_refused(text):
    try:
        assert parse_path(text)
    except DefinitionError as error:
        assert error.problems  # noqa: PT017 - either outcome is fine, a foreign error is not


@law
@given(JSON, SEGMENTS)
def test_following_a_path_finds_something_or_says_where_it_ended(document, path):
    try:
        follow(document, path)
    except DefinitionError as error:
        assert "nothing at" in str(error)  # noqa: PT017 - either outcome is fine


class Nothing:
    def get(self, path):
        return "/".join(map(str, path))

    def property_file(self, step, name):
        raise AssertionError((step, name))

    s3_document = get


@law
@given(
    JSON.filter(lambda value: not {"Get", "Std:Join", "Std:JsonGet"} & set(str(value).split("'")))
)
def test_a_value_without_expressions_means_itself(value):
    assert evaluate(value, Nothing()) == value
    assert references(value) == set()


@law
@given(st.text(max_size=3), st.lists(TEXT | NAMES.map(lambda name: Get(f"Parameters.{name}"))))
def test_a_join_joins_what_its_values_mean(on, values):
    meant = [
        value if isinstance(value, str) else f"Parameters/{value['Get'][11:]}" for value in values
    ]
    assert evaluate(Join(on, values), Nothing()) == on.join(meant)


NUMBERS = st.integers(-5, 5) | st.floats(-5, 5)
CONDITIONS = st.recursive(
    st.builds(
        Comparison,
        st.sampled_from(
            ["Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
        ),
        NUMBERS,
        NUMBERS,
    )
    | st.builds(In, NUMBERS, st.lists(NUMBERS, max_size=3)),
    lambda inner: st.builds(Not, inner) | st.builds(Or, st.lists(inner, max_size=3)),
    max_leaves=6,
)


def holds(condition):
    return evaluate_condition(condition, lambda value: value)


@law
@given(CONDITIONS)
def test_not_turns_every_condition_round(condition):
    assert holds(Not(condition)) is not holds(condition)


@law
@given(NUMBERS, NUMBERS)
def test_of_two_numbers_exactly_one_order_holds(left, right):
    orders = ("LessThan", "Equals", "GreaterThan")
    assert sum(holds(Comparison(order, left, right)) for order in orders) == 1
