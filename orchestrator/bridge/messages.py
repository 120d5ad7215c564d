"""What SageMaker writes into the queue when it reaches a callback step, or stops one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.bridge.faults import PoisonError
from orchestrator.bridge.model import JobRecord, Json, failed

if TYPE_CHECKING:
    from collections.abc import Collection

TOKEN = re.compile(r"[A-Za-z0-9]{10}")
"""botocore 1.44.5, sagemaker: CallbackToken."""


@dataclass(frozen=True)
class Message:
    """One message of the queue."""

    token: str
    execution_arn: str
    arguments: Mapping[str, Json]
    stopping: bool
    """Whether the execution is being stopped; the callback must be answered all the same."""


def read_message(body: str) -> Message:
    """Return what a message says.

    Raises:
        PoisonError: If it names no callback.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        message = f"the message is not JSON: {error}"
        raise PoisonError(message) from error
    if not isinstance(document, dict) or not TOKEN.fullmatch(str(document.get("token"))):
        message = "the message has no 'token' of ten letters and digits"
        raise PoisonError(message)
    arguments = document.get("arguments")
    # The page of StopPipelineExecution writes "Status", the developer guide's example "status".
    status = document.get("status", document.get("Status"))
    return Message(
        token=document["token"],
        execution_arn=str(document.get("pipelineExecutionArn", "")),
        arguments=arguments if isinstance(arguments, dict) else {},
        stopping=status == "Stopping",
    )


def first_record(message: Message, services: Collection[str], now: int) -> JobRecord:
    """Return the record that a message begins; it has failed already if the arguments are wrong."""
    service, outputs = message.arguments.get("service"), message.arguments.get("outputs", {})
    request = _decoded(message.arguments.get("request"))
    record = JobRecord(
        token=message.token,
        execution_arn=message.execution_arn,
        service=str(service),
        request=request if isinstance(request, Mapping) else {},
        outputs=outputs if isinstance(outputs, Mapping) else {},  # type: ignore[arg-type]
        created_at=now,
        stop_requested=message.stopping,
    )
    problems = []
    if service not in services:
        problems.append(
            f"arguments.service: there is no {service!r}. Write one of {', '.join(services)}."
        )
    if not isinstance(request, Mapping):
        problems.append("arguments.request: it is no object. Write what the service is asked.")
    if not _is_text_by_name(outputs):
        problems.append("arguments.outputs: it is no object of texts. Write name and text of each.")
    if problems:
        return replace(record, outputs={}, state="Ended", outcome=failed(" ".join(problems)))
    return record


def _decoded(request: Json) -> Json:
    """Return a request that may have been written as JSON text."""
    if not isinstance(request, str):
        return request
    try:
        document: Json = json.loads(request)
    except ValueError:
        return request
    return document


def _is_text_by_name(outputs: Json) -> bool:
    return isinstance(outputs, Mapping) and all(isinstance(it, str) for it in outputs.values())
