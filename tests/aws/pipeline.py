"""A pipeline of three steps: prepare, then sft behind a gate."""

from __future__ import annotations

from typing import Any

from tests.aws.account import BUCKET

PREPARED: dict[str, Any] = {
    "Name": "prepare",
    "Type": "Processing",
    "Arguments": {
        "RoleArn": "arn:aws:iam::123456789012:role/fmo",
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30,
            }
        },
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "metrics",
                    "S3Output": {
                        "S3Uri": f"s3://{BUCKET}/out", "S3UploadMode": "EndOfJob",
                        "LocalPath": "/opt/ml/processing/output/metrics",
                    },
                }
            ]
        },
    },
}  # fmt: skip
TRAINED: dict[str, Any] = {
    "Name": "sft",
    "Type": "Training",
    "Arguments": {
        "RoleArn": "arn:aws:iam::123456789012:role/fmo",
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceCount": 2, "InstanceType": "ml.g5.2xlarge", "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "InputDataConfig": [
            {
                "ChannelName": "data",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": {
                            "Get": "Steps.prepare.ProcessingOutputConfig.Outputs['metrics']"
                            ".S3Output.S3Uri"
                        },
                    }
                },
            }
        ],
    },
}  # fmt: skip
GATE: dict[str, Any] = {
    "Name": "gate",
    "Type": "Condition",
    "Arguments": {
        "Conditions": [
            {"Type": "Equals", "LeftValue": {"Get": "Parameters.Smoke"}, "RightValue": True}
        ],
        "IfSteps": [TRAINED],
        "ElseSteps": [{"Name": "no", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}],
    },
}
DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "Smoke", "Type": "Boolean", "DefaultValue": False},
        {"Name": "Limit", "Type": "Integer", "DefaultValue": 5},
    ],
    "Steps": [PREPARED, GATE],
}
