"""What the SDK writes is read without loss, found sound, and decided as it means."""

import json
from pathlib import Path

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.conditions import evaluate_conditions
from orchestrator.definition.expressions import evaluate
from orchestrator.definition.model import definition_bytes, to_json, walk
from orchestrator.definition.paths import follow
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.step_types import STEP_TYPES
from orchestrator.definition.validation import validate

NAMES = ["jobs", "flow", "models", "checks"]
# The SDK writes no AutoML step (its class raises), no Athena, HubContent or Bedrock step (it has
# none), and takes a Job, Lineage or InferenceComponent from objects that need a live session.
NOT_RECORDED = {
    "Athena",
    "AutoML",
    "BedrockCustomModel",
    "BedrockCustomModelDeployment",
    "BedrockModelImport",
    "BedrockProvisionedModelThroughput",
    "HubContent",
    "InferenceComponent",
    "Job",
    "Lineage",
}
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "expected").glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_of_the_sdk_is_written_as_it_was_read(recorded, name):
    raw = recorded(name)
    definition = parse_definition(json.dumps(raw).encode())
    assert to_json(definition) == raw
    assert parse_definition(definition_bytes(definition)) == definition


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_of_the_sdk_has_no_problems(recorded, name):
    definition = parse_definition(json.dumps(recorded(name)).encode())
    assert [str(problem) for problem in validate(definition, load_shapes())] == []


def test_every_step_type_that_the_sdk_writes_is_recorded(recorded):
    types = {
        placed.step.type
        for name in NAMES
        for placed in walk(parse_definition(json.dumps(recorded(name)).encode()).steps)
    }
    assert types == set(STEP_TYPES) - NOT_RECORDED


class Metrics:
    """A resolver for the conditions of the recorded gate."""

    def __init__(self, accuracy, forgetting, *, strict):
        self._accuracy, self._forgetting = accuracy, forgetting
        uri = {"OutputName": "metrics", "S3Output": {"S3Uri": "s3://acme/metrics"}}
        outputs = {"ProcessingOutputConfig": {"Outputs": [uri]}}
        self._known = {
            "Parameters": {"Bound": 0.8, "Strict": strict, "Team": "support"},
            "Steps": {"Prepare": outputs},
        }

    def get(self, path):
        return follow(self._known, path)

    def property_file(self, step, name):
        assert (step, name) == ("Prepare", "Metrics")
        return {"accuracy": {"value": self._accuracy}}

    def s3_document(self, uri):
        assert uri == "s3://acme/metrics/metrics.json"
        return {"forgetting.loss": self._forgetting}


@pytest.mark.parametrize(
    ("accuracy", "forgetting", "strict", "opens"),
    [
        (0.8, 0.0, True, True),
        (0.79, 0.0, True, False),
        (0.9, -0.1, True, False),
        (0.9, 0.06, True, False),
        (0.9, 0.06, False, True),
        (0.9, 0.05, True, True),
    ],
)
def test_a_gate_of_the_sdk_is_decided_as_it_reads(recorded, accuracy, forgetting, strict, opens):
    gate = next(step for step in recorded("flow")["Steps"] if step["Name"] == "Gate")
    known = Metrics(accuracy, forgetting, strict=strict)
    conditions = gate["Arguments"]["Conditions"]
    assert evaluate_conditions(conditions, lambda value: evaluate(value, known)) is opens


# What the SDK writes and the compiler does not, each for a reason.
LEFT_OUT = {
    # The arguments of a Callback step are its own; DependsOn follows from what it reads.
    "Callback": {"Arguments.answer", "DependsOn[]"},
    "Processing": {"RetryPolicies[].ExpireAfterMin"},  # attempts are counted instead
    "Training": {  # settings travel in config.json
        "Arguments.HyperParameters.epochs",
        "Arguments.HyperParameters.learning_rate",
    },
    "RegisterModel": {
        "Arguments.CustomerMetadataProperties.team",
        "Arguments.InferenceSpecification.Containers[].Environment",  # ours is not empty
        # An uncompressed model needs ModelDataSource.
        "Arguments.InferenceSpecification.Containers[].ModelDataUrl",
        "Arguments.InferenceSpecification.SupportedTransformInstanceTypes[]",
        "Arguments.SkipModelValidation",  # "None", which is the service's default
    },
}


def test_compiled_steps_have_the_members_that_the_sdk_writes(recorded, members_by_type):
    theirs = members_by_type([step for name in NAMES for step in recorded(name)["Steps"]])
    ours = members_by_type(
        [step for path in GOLDEN for step in json.loads(path.read_bytes())["Steps"]]
    )
    assert {"Processing", "Training", "Condition", "Fail", "RegisterModel"} <= set(ours)
    for kind, members in ours.items():
        assert theirs[kind] - members <= LEFT_OUT.get(kind, set()), kind
