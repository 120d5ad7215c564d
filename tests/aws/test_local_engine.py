"""An execution of moto's SageMaker that is a real run on this machine: retried, stopped, listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.deploy import Deployment, carry_out, plan_deployment
from orchestrator.aws.executions import read_execution, stop
from orchestrator.aws.logs import JobLog
from orchestrator.aws.starts import plan_start, start
from orchestrator.aws.watch import watch
from orchestrator.errors import AwsError
from orchestrator.local.home import Home
from tests.aws.account import BUCKET, REGION, ROLE
from tests.aws.local_engine import LocalEngine
from tests.aws.moved_clock import MovedClock
from tests.aws.strict_moto import run_by

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.executions import Watched

IMAGE = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
FOLDER = "/opt/ml/processing"
LOOK = f"""
import pathlib, sys
print("looking", flush=True)
found = pathlib.Path("{FOLDER}/input/rows/ready.txt")
sys.exit("no rows are ready" if not found.exists() else 0)
"""
WRITE = f"""
import pathlib
out = pathlib.Path("{FOLDER}/output/rows")
out.mkdir(parents=True, exist_ok=True)
(out / "rows.txt").write_text("three")
"""
SLEEP = "import time; print('asleep', flush=True); time.sleep(300)"


def processing(name: str, code: str, **more: Any) -> dict[str, Any]:
    """Return a Processing step that runs `code` on what lies under `in/`."""
    source = {
        "InputName": "rows",
        "S3Input": {
            "S3Uri": f"s3://{BUCKET}/in/", "LocalPath": f"{FOLDER}/input/rows",
            "S3DataType": "S3Prefix", "S3InputMode": "File",
        },
    }  # fmt: skip
    output = {
        "OutputName": "rows",
        "S3Output": {
            "S3Uri": f"s3://{BUCKET}/out/{name}", "LocalPath": f"{FOLDER}/output/rows",
            "S3UploadMode": "EndOfJob",
        },
    }  # fmt: skip
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    request = {
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "-I", "-S", "-c", f"exec({code!r})"],
        },
        "ProcessingInputs": [source],
        "ProcessingOutputConfig": {"Outputs": [output]},
        "ProcessingResources": {"ClusterConfig": cluster},
    }  # fmt: skip
    return {"Name": name, "Type": "Processing", "Arguments": request, **more}


@pytest.fixture
def engine(session: boto3.Session, tmp_path: Path) -> LocalEngine:
    found = LocalEngine(Home(tmp_path / "engine"), MovedClock())
    run_by(found, session.client("sts").get_caller_identity()["Account"], REGION)
    session.client("s3").put_object(Bucket=BUCKET, Key="in/rows.txt", Body=b"1")
    return found


def started(aws: Aws, *steps: dict[str, Any]) -> str:
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps}).encode()
    carry_out(plan_deployment(Deployment("words", definition, ROLE, BUCKET), aws), aws)
    return start(plan_start("words", {}, aws), aws)


def ended(arn: str, aws: Aws, engine: LocalEngine) -> Watched:
    return watch(arn, aws, lambda _: None, now=engine.clock.now, wait=engine.wait)


def test_a_retried_execution_goes_on_from_the_step_that_failed(
    aws: Aws, engine: LocalEngine
) -> None:
    write = processing("write", WRITE)
    arn = started(aws, write, processing("look", LOOK, DependsOn=["write"]))
    failed = ended(arn, aws, engine)
    assert (failed.result.status, failed.result["look"].status) == ("Failed", "Failed")
    assert "no rows are ready" in (failed.result["look"].failure_reason or "")
    assert JobLog(failed.jobs["look"], aws).new_lines() == ["looking", "no rows are ready"]
    aws.put(BUCKET, "in/ready.txt", b"")
    aws.call("sagemaker", "RetryPipelineExecution", PipelineExecutionArn=arn)
    seen = ended(arn, aws, engine)
    assert seen.result.status == "Succeeded"
    assert (seen.result["write"].attempts, seen.result["look"].attempts) == (1, 2)
    stored = aws.call("s3", "GetObject", Bucket=BUCKET, Key="out/write/rows.txt")
    assert stored["Body"].read() == b"three"
    with pytest.raises(AwsError, match="cannot be retried: Succeeded"):
        aws.call("sagemaker", "RetryPipelineExecution", PipelineExecutionArn=arn)


def test_a_stopped_execution_ends_its_job(aws: Aws, engine: LocalEngine) -> None:
    arn = started(aws, processing("sleep", SLEEP))
    while (
        "sleep" not in (seen := read_execution(arn, aws)).jobs
        or not JobLog(seen.jobs["sleep"], aws).new_lines()
    ):
        engine.wait()
    listed = aws.call("sagemaker", "ListPipelineExecutions", PipelineName="words")
    states = [one["PipelineExecutionStatus"] for one in listed["PipelineExecutionSummaries"]]
    assert states == ["Executing"]
    assert stop(arn, aws) == "Stopping"
    assert ended(arn, aws, engine).result["sleep"].status == "Stopped"
