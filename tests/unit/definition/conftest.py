"""A valid definition to break, and what validation says of the broken one."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable

ROLE = "arn:aws:iam::111122223333:role/Pipelines"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313"

PREPARE: dict[str, Any] = {
    "Name": "Prepare",
    "Type": "Processing",
    "Arguments": {
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.xlarge",
                "VolumeSizeInGB": 30,
            }
        },
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3"],
            "ContainerArguments": ["launch.py"],
        },
        "RoleArn": ROLE,
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "data",
                    "S3Output": {
                        "S3Uri": "s3://acme/data",
                        "LocalPath": "/opt/ml/processing/output/data",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    },
    "PropertyFiles": [
        {"PropertyFileName": "Metrics", "OutputName": "data", "FilePath": "metrics.json"}
    ],
}
TRAIN: dict[str, Any] = {
    "Name": "Train",
    "Type": "Training",
    "Arguments": {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://acme/models"},
        "ResourceConfig": {
            "InstanceType": "ml.g5.2xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 100,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {"epochs": "3"},
        "InputDataConfig": [
            {
                "ChannelName": "data",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": {
                            "Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['data']"
                            ".S3Output.S3Uri"
                        },
                    }
                },
            }
        ],
    },
}
GATE: dict[str, Any] = {
    "Name": "Gate",
    "Type": "Condition",
    "Arguments": {
        "Conditions": [
            {
                "Type": "GreaterThanOrEqualTo",
                "LeftValue": {
                    "Std:JsonGet": {
                        "PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Metrics"},
                        "Path": "rows",
                    }
                },
                "RightValue": {"Get": "Parameters.Least"},
            }
        ],
        "IfSteps": [TRAIN],
        "ElseSteps": [
            {"Name": "Failed", "Type": "Fail", "Arguments": {"ErrorMessage": "Too few rows"}}
        ],
    },
}
DEFINITION: dict[str, Any] = {
    "Version": "2020-12-01",
    "Metadata": {},
    "Parameters": [{"Name": "Least", "Type": "Integer", "DefaultValue": 10}],
    "Steps": [PREPARE, GATE],
}


@pytest.fixture
def raw() -> dict[str, Any]:
    """A valid definition, free to change: Prepare, and Train behind Gate."""
    return deepcopy(DEFINITION)


@pytest.fixture
def prepare(raw: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = raw["Steps"][0]
    return step


@pytest.fixture
def gate(raw: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = raw["Steps"][1]
    return step


@pytest.fixture
def train(gate: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = gate["Arguments"]["IfSteps"][0]
    return step


@pytest.fixture
def problems(raw: dict[str, Any]) -> Callable[[], list[str]]:
    """Call it to get what validation says of `raw` as it is then."""

    def found() -> list[str]:
        definition = parse_definition(json.dumps(raw).encode())
        return [str(problem) for problem in validate(definition, load_shapes())]

    return found
