"""Starts a pipeline unless an execution of it runs: what EventBridge cannot say by itself.

The handler is `orchestrator.bridge.starter.start`. It is called by schedules with `overlap: skip`
and by rules on new data, with `{"pipeline_name": ..., "parameters": {...}, "time": ...}`.
"""

from __future__ import annotations

import hashlib
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = logging.getLogger("fmo.starter")
# Standard mode waits between attempts for a random part of 1, 2, 4 ... seconds, at most 20.
PATIENT = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}
)
RUNNING = {"Executing", "Stopping"}
MINUTE = len("2026-11-30T06:00")
"""Characters of a time that tell starts apart: a hundred objects that land at once are one."""


def start(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Start the pipeline that `event` names; return what came of it."""
    del context
    LOG.setLevel(logging.INFO)
    answer = start_unless_running(event, _sagemaker())
    LOG.info("%s: %s", event["pipeline_name"], answer)
    return answer


def start_unless_running(event: Mapping[str, Any], sagemaker: Any) -> dict[str, str]:
    """Start the pipeline that `event` names, once for each minute; return its execution's ARN.

    Args:
        event: `pipeline_name`, `parameters` by name, and the `time` that it is for.
        sagemaker: The client.
    """
    name, parameters = event["pipeline_name"], event["parameters"]
    listed = sagemaker.list_pipeline_executions(
        PipelineName=name, SortBy="CreationTime", SortOrder="Descending"
    )
    for execution in listed["PipelineExecutionSummaries"]:
        if execution["PipelineExecutionStatus"] in RUNNING:
            return {"skipped": execution["PipelineExecutionArn"]}
    # Lambda and EventBridge deliver at least once. SageMaker answers the same token with the
    # execution that it started for it.
    token = hashlib.sha256(f"{name}/{event['time'][:MINUTE]}".encode()).hexdigest()
    answer = sagemaker.start_pipeline_execution(
        PipelineName=name,
        PipelineParameters=[{"Name": key, "Value": parameters[key]} for key in sorted(parameters)],
        ClientRequestToken=token,
    )
    return {"started": answer["PipelineExecutionArn"]}


@cache
def _sagemaker() -> Any:
    """Return the client, kept for the next invocation."""
    return boto3.client("sagemaker", config=PATIENT)
