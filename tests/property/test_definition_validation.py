"""Validation says what is wrong; it never breaks, whatever a definition holds."""

import json
from copy import deepcopy
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate

# The tests run side by side on few cores: being slow is not being wrong.
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ORACLES = Path(__file__).parents[1] / "oracles"
SOUND = [
    json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))["definition"]
    for name in ("jobs", "flow", "models", "checks")
]
ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 1e308, "", "x" * 3000, "é\n", [], {}, [[]]),
        *({"Get": 1}, {"Get": "Steps"}, {"Get": "a["}, {"Std:Join": {}}, {"Std:Join": None}),
        {"Std:JsonGet": {"Path": "a"}},
    ]
)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def with_value(document, path, value):
    changed = deepcopy(document)
    target = changed
    for segment in path[:-1]:
        target = target[segment]
    target[path[-1]] = value
    return changed


@law
@given(st.data())
def test_a_definition_with_anything_odd_in_its_arguments_is_judged(data):
    sound = data.draw(st.sampled_from(SOUND))
    inside = [
        path
        for path in places(sound)
        if len(path) > 3 and path[0] == "Steps" and path[2] == "Arguments"
        if not {"IfSteps", "ElseSteps", "Conditions"} & set(path)
    ]
    changed = with_value(sound, data.draw(st.sampled_from(inside)), data.draw(ODD))
    definition = parse_definition(json.dumps(changed).encode())
    for problem in validate(definition, load_shapes()):
        assert problem.where
        assert problem.what
        assert not problem.what.endswith(".")


@law
@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3)))
def test_a_cycle_is_reported_exactly_when_there_is_one(waits):
    steps = [
        {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "x"}, "DependsOn": needs}
        for name, needs in waits.items()
    ]
    raw = {"Version": "2020-12-01", "Steps": steps}
    problems = validate(parse_definition(json.dumps(raw).encode()), load_shapes())
    found = any("wait for each other" in problem.what for problem in problems)
    assert found is has_cycle(waits)


def has_cycle(waits):
    reached = {
        name: {n for n in needs if n in waits and n != name} for name, needs in waits.items()
    }
    for _ in waits:
        for needs in reached.values():
            needs.update(*(reached[other] for other in tuple(needs)))
    return any(name in needs for name, needs in reached.items())
