"""The starter's calls are those that docs/schedule.md asks permissions for, each contract-valid."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from orchestrator.bridge.starter import start_unless_running

PAGE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text(encoding="utf-8")
ARN = "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/words/execution/abc123abc123"
EVENT = {
    "pipeline_name": "words",
    "parameters": {"Rows": "s3://b/k/", "Limit": "3"},
    "time": "2026-11-30T06:00:00Z",
}
LISTED = {"PipelineName": "words", "SortBy": "CreationTime", "SortOrder": "Descending"}


def summaries(*statuses: str) -> dict[str, list[dict[str, object]]]:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    return {
        "PipelineExecutionSummaries": [
            {"PipelineExecutionArn": ARN, "StartTime": at, "PipelineExecutionStatus": status}
            for status in statuses
        ]
    }


@pytest.fixture
def stub() -> Stubber:
    session = boto3.Session("key", "secret", region_name="eu-central-1")
    return Stubber(session.client("sagemaker"))


def test_a_pipeline_that_does_not_run_is_started_with_its_parameters(stub: Stubber) -> None:
    stub.add_response("list_pipeline_executions", summaries("Succeeded", "Failed"), LISTED)
    expected = {
        "PipelineName": "words",
        "PipelineParameters": [
            {"Name": "Limit", "Value": "3"},
            {"Name": "Rows", "Value": "s3://b/k/"},
        ],
        "ClientRequestToken": ANY,
    }
    stub.add_response("start_pipeline_execution", {"PipelineExecutionArn": ARN}, expected)
    with stub:
        assert start_unless_running(EVENT, stub.client) == {"started": ARN}
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_one_that_runs_is_not(stub: Stubber, status: str) -> None:
    stub.add_response("list_pipeline_executions", summaries("Succeeded", status), LISTED)
    with stub:
        assert start_unless_running(EVENT, stub.client) == {"skipped": ARN}


def test_a_refusal_reaches_lambda_which_calls_again(stub: Stubber) -> None:
    stub.add_response("list_pipeline_executions", summaries(), LISTED)
    stub.add_client_error("start_pipeline_execution", "ThrottlingException")
    with stub, pytest.raises(ClientError, match="ThrottlingException"):
        start_unless_running(EVENT, stub.client)


def test_the_page_asks_for_the_calls_that_are_made() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| its role |"))
    assert re.findall(r"sagemaker:(\w+)", row) == [
        "ListPipelineExecutions",
        "StartPipelineExecution",
    ]
