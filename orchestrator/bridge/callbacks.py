"""Answers callback steps of SageMaker Pipelines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.bridge.faults import RefusedError, ask

if TYPE_CHECKING:
    from orchestrator.bridge.model import JobRecord

NOBODY_WAITS = frozenset({"ConflictException", "ResourceNotFound"})
"""botocore 1.44.5, sagemaker: the errors of both operations that speak of the callback. What they
mean is not documented; we take them for one that is answered or gone."""


@dataclass(frozen=True)
class SageMakerCallbacks:
    """`Callbacks` over a client of SageMaker."""

    client: Any

    def answer(self, record: JobRecord) -> None:
        """Answer with the record's outcome; again is the same as once."""
        try:
            self._send(record)
        except RefusedError as error:
            if error.code not in NOBODY_WAITS:
                raise

    def _send(self, record: JobRecord) -> None:
        outcome = record.outcome
        if outcome is None:
            message = f"{record.key}: there is no outcome to answer with"
            raise ValueError(message)
        request = {
            "CallbackToken": record.token,
            # 32 to 128 characters; the same for every attempt at the same answer.
            "ClientRequestToken": hashlib.sha256(
                f"{record.key} {outcome.succeeded}".encode()
            ).hexdigest(),
        }
        if outcome.succeeded:
            parameters = [{"Name": k, "Value": v} for k, v in sorted(outcome.outputs.items())]
            ask(
                self.client.send_pipeline_execution_step_success,
                OutputParameters=parameters,
                **request,
            )
        else:
            ask(
                self.client.send_pipeline_execution_step_failure,
                FailureReason=outcome.reason,
                **request,
            )
