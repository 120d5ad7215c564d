"""The entry points of the three Lambda functions, and what they are built from.

| handler | called by |
|---|---|
| `orchestrator.bridge.lambdas.start` | the queue, in batches, with ReportBatchItemFailures |
| `orchestrator.bridge.lambdas.complete` | EventBridge, for events of the services' patterns |
| `orchestrator.bridge.lambdas.sweep` | a schedule, every five minutes |

`FMO_BRIDGE_TABLE` names the table, which has the keys and indexes of `dynamo.TABLE`.
"""

from __future__ import annotations

import logging
import os
import time
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config

from orchestrator.bridge.bridge import Bridge
from orchestrator.bridge.callbacks import SageMakerCallbacks
from orchestrator.bridge.dynamo import DynamoJobs
from orchestrator.bridge.services.bedrock import Bedrock
from orchestrator.bridge.services.bedrock_import import BedrockImport
from orchestrator.bridge.services.glue import Glue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.bridge.ports import Service

# Standard mode waits between attempts for a random part of 1, 2, 4 ... seconds, at most 20.
PATIENT = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}
)
ONCE = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})

MARGIN_SECONDS = 60
"""How long after its end a call of an invocation may take effect; clocks may differ, too."""

SWEEP_MARGIN_SECONDS = 30
"""What is left of its time when the sweeper takes up nothing more."""

LOG = logging.getLogger("fmo.bridge")


class Context(Protocol):
    """What Lambda says about an invocation."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return for how long it may still run."""


def start(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Take messages of the queue; return those that it must deliver again."""
    bridge = _bridge(context)
    return receive_all(event, bridge)


def complete(event: Mapping[str, Any], context: Context) -> None:
    """Take one event; what goes wrong makes Lambda call again, and the sweeper looks anyway."""
    _bridge(context).notice(event)


def sweep(event: Mapping[str, Any], context: Context) -> None:  # noqa: ARG001 - Lambda's signature
    """Look at every callback that is not answered."""
    sweep_all(_bridge(context), lambda: context.get_remaining_time_in_millis() // 1000)


def receive_all(event: Mapping[str, Any], bridge: Bridge) -> dict[str, list[dict[str, str]]]:
    """Take each message on its own; return what ReportBatchItemFailures asks for."""
    failures = [
        {"itemIdentifier": message["messageId"]}
        for message in event["Records"]
        if not _succeeds(partial(bridge.receive, message["body"]), message["messageId"])
    ]
    return {"batchItemFailures": failures}


def sweep_all(bridge: Bridge, seconds_left: Callable[[], int]) -> None:
    """Carry each callback that is not answered, on its own.

    Raises:
        RuntimeError: If any could not be carried, so that Lambda counts an error.
    """
    failures = 0
    for token in bridge.jobs.open_tokens():
        if seconds_left() < SWEEP_MARGIN_SECONDS:
            break
        failures += not _succeeds(partial(bridge.carry_or_leave, token), token)
    if failures:
        message = f"{failures} callbacks could not be carried; the log says why"
        raise RuntimeError(message)


def _succeeds(act: Callable[[], None], name: str) -> bool:
    """Return whether it does; what it raises is logged and harms no other."""
    try:
        act()
    except Exception:  # The entry point: one bad message must not stop the batch.
        LOG.exception("%s: failed", name)
        return False
    return True


def _bridge(context: Context) -> Bridge:
    LOG.setLevel(logging.INFO)
    seconds = context.get_remaining_time_in_millis() // 1000
    return build_bridge(
        os.environ["FMO_BRIDGE_TABLE"],  # noqa: TID251 - Lambda has no other way to tell it
        now=lambda: int(time.time()),  # noqa: TID251 - the one place that reads the clock
        holder=context.aws_request_id,
        hold_seconds=seconds + MARGIN_SECONDS,
    )


def build_bridge(table: str, *, now: Callable[[], int], holder: str, hold_seconds: int) -> Bridge:
    """Return the bridge over the clients of this account and region."""
    return Bridge(
        jobs=DynamoJobs(_client("dynamodb"), table, now, holder, hold_seconds),
        callbacks=SageMakerCallbacks(_client("sagemaker")),
        services=all_services(),
        now=now,
    )


def all_services() -> dict[str, Service]:
    """Return every service by the name that messages call it."""
    return {
        "bedrock": Bedrock(_client("bedrock")),
        "bedrock_import": BedrockImport(_client("bedrock")),
        "glue": Glue(_client("glue", ONCE)),
    }


@cache
def _client(service: str, config: Config = PATIENT) -> Any:
    """Return a client, kept for the next invocation: making one takes a tenth of a second."""
    return boto3.client(service, config=config)
