"""What our builders write equals what the SDK writes for the same steps."""

import pytest

from orchestrator.definition.conditions import Comparison, In, Not, Or
from orchestrator.definition.expressions import Get, Join, JsonGet, JsonGetS3
from orchestrator.definition.model import (
    Cache,
    Definition,
    Parameter,
    PropertyFile,
    RetryPolicy,
    Step,
    to_json,
)

ROLE = "arn:aws:iam::111122223333:role/Pipelines"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313"
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:sagemaker-start"
METRICS_URI = Get("Steps.Prepare.ProcessingOutputConfig.Outputs['metrics'].S3Output.S3Uri")
ACCURACY = JsonGet("Prepare", "Metrics", "accuracy.value")
FORGETTING = JsonGetS3(Join("/", [METRICS_URI, "metrics.json"]), "['forgetting.loss']")


def fail(name, message):
    return Step(name, "Fail", {"ErrorMessage": message})


FLOW = [
    Step(
        "Call",
        "Lambda",
        {"team": Get("Parameters.Team"), "run": Get("Execution.PipelineExecutionId")},
        extra={
            "FunctionArn": FUNCTION,
            "OutputParameters": [{"OutputName": "answer", "OutputType": "String"}],
        },
    ),
    Step(
        "Wait",
        "Callback",
        {"answer": Get("Steps.Call.OutputParameters['answer']")},
        depends_on=("Prepare",),
        extra={
            "SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/queue",
            "OutputParameters": [{"OutputName": "uri", "OutputType": "String"}],
        },
    ),
    Step(
        "Gate",
        "Condition",
        conditions=(
            Comparison("GreaterThanOrEqualTo", ACCURACY, Get("Parameters.Bound")),
            Comparison("GreaterThan", ACCURACY, 0.1),
            Not(Comparison("LessThan", FORGETTING, 0)),
            Or(
                [
                    Comparison("Equals", left=Get("Parameters.Strict"), right=False),
                    Comparison("LessThanOrEqualTo", FORGETTING, 0.05),
                ]
            ),
        ),
        if_steps=(
            Step(
                "Inner",
                "Condition",
                conditions=(In(Get("Parameters.Team"), ["support", "sales"]),),
                else_steps=(fail("InnerFailed", "No such team"),),
            ),
        ),
        else_steps=(fail("GateFailed", Join(" ", ["accuracy is below", Get("Parameters.Bound")])),),
    ),
    Step(
        "Spark",
        "EMR",
        {
            "ClusterId": "j-1ABCDEFGHIJKL",
            "StepConfig": {
                "HadoopJarStep": {
                    "Jar": "command-runner.jar",
                    "Args": ["spark-submit", "s3://acme-models/count.py"],
                }
            },
        },
        display_name="Spark",
        description="Counts rows",
    ),
    Step(
        "Serverless",
        "EMRServerless",
        {
            "ApplicationId": "00abcdefghijklmn",
            "ExecutionRoleArn": ROLE,
            "JobConfig": {
                "applicationId": "00abcdefghijklmn",
                "executionRoleArn": ROLE,
                "jobDriver": {"sparkSubmit": {"entryPoint": "s3://acme-models/count.py"}},
            },
        },
        display_name="Serverless",
        description="Counts rows",
    ),
    Step(
        "Notify",
        "Lambda",
        depends_on=("Prepare",),
        triggers={"Prepare": "Failed"},
        extra={"FunctionArn": FUNCTION, "OutputParameters": []},
    ),
]


@pytest.mark.parametrize("step", FLOW, ids=lambda step: step.name)
def test_a_step_is_written_as_the_sdk_writes_it(recorded, step):
    theirs = {raw["Name"]: raw for raw in recorded("flow")["Steps"]}
    assert to_json(step) == theirs[step.name]


def test_a_processing_step_is_written_as_the_sdk_writes_it(recorded):
    raw = recorded("jobs")["Steps"][0]
    step = Step(
        "Prepare",
        "Processing",
        {
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": Get("Parameters.InstanceType"),
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 30,
                }
            },
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/prepare.py"],
                "ContainerArguments": [
                    "--epochs",
                    Join("", [Get("Parameters.Epochs")]),
                    "--limit",
                    Get("Parameters.Limit"),
                ],
            },
            "RoleArn": ROLE,
            "ProcessingInputs": [
                source("raw", "s3://acme-models/raw"),
                raw["Arguments"]["ProcessingInputs"][1],  # the code, under a hash
            ],
            "ProcessingOutputConfig": {"Outputs": [output("data"), output("metrics")]},
        },
        retry_policies=(
            RetryPolicy(("Step.THROTTLING",), 1, 2.0, max_attempts=3),
            RetryPolicy(("SageMaker.CAPACITY_ERROR",), 1, 2.0, expire_after_minutes=60),
        ),
        cache=Cache(enabled=True, expire_after="P30D"),
        property_files=(PropertyFile("Metrics", "metrics", "metrics.json"),),
    )
    assert to_json(step) == raw


def source(name, uri):
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def output(name):
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": f"s3://acme-models/{name}",
            "LocalPath": f"/opt/ml/processing/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def test_a_whole_definition_is_written_as_the_sdk_writes_it(recorded):
    raw = recorded("flow")
    ours = to_json(
        Definition(
            parameters=(
                Parameter("InstanceType", "String", "ml.m5.xlarge"),
                Parameter("Epochs", "Integer", 3),
                Parameter("Limit", "String", "all", ("all", "few")),
                Parameter("Bound", "Float", 0.8),
                Parameter("Strict", "Boolean", default=True),
                Parameter("Team", "String", "support", ("support", "sales")),
            ),
            metadata={},
            experiment_config={
                "ExperimentName": Get("Execution.PipelineName"),
                "TrialName": Get("Execution.PipelineExecutionId"),
            },
            extra={"MlflowConfig": None},
        )
    )
    assert {**ours, "Steps": raw["Steps"]} == raw
