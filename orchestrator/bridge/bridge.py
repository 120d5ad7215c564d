"""Carries each callback from its message to its answer. Every handler does the same: `carry`.

A message, an event or the sweep only says which callback to look at. What is to be done next
follows from the record and from what the service says at that moment, so nothing depends on how
often, or in which order, they come.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.bridge.faults import NotNowError, RefusedError
from orchestrator.bridge.messages import first_record, read_message
from orchestrator.bridge.model import Outcome, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.bridge.model import JobRecord, Json
    from orchestrator.bridge.ports import Callbacks, Jobs, Service

START_SECONDS = 24 * 3600
"""How long a job may fail to start for reasons that should pass, before its callback fails."""

LOG = logging.getLogger("fmo.bridge")


@dataclass(frozen=True)
class Bridge:
    """The bridge, for one invocation."""

    jobs: Jobs
    callbacks: Callbacks
    services: Mapping[str, Service]
    now: Callable[[], int]

    def receive(self, body: str) -> None:
        """Take a message of the queue. Once there is a record, the sweep goes on without it.

        Raises:
            PoisonError: If it names no callback.
            NotNowError: If there is no record yet.
        """
        message = read_message(body)
        self.jobs.add(first_record(message, self.services, self.now()))
        if message.stopping:
            self.jobs.request_stop(message.token)
        self.carry_or_leave(message.token)

    def notice(self, event: Mapping[str, Json]) -> None:
        """Take an event of EventBridge; one about a job of others is nothing to us.

        Raises:
            NotNowError: If Lambda should call again soon.
        """
        for name, service in self.services.items():
            job_id = service.job_of(event)
            token = self.jobs.token_of(name, job_id) if job_id else None
            if token:
                self.carry(token)

    def carry_or_leave(self, token: str) -> None:
        """Take a callback as far as it goes now; what stops it for a while is left to the sweep."""
        try:
            self.carry(token)
        except NotNowError as error:
            LOG.info("%s: left to the next sweep: %s", token, error)

    def carry(self, token: str) -> None:
        """Take a callback as far as it goes now.

        Raises:
            BusyError: If another invocation is at work on it.
            NotNowError: If a call failed for a reason that passes.
            RefusedError: If the service does not even tell how the job does.
        """
        record = self.jobs.hold(token)
        try:
            while (following := self._next(record)) != record:
                LOG.info("%s: %s -> %s", record.key, record.state, following.state)
                record = self.jobs.save(following)
        finally:
            self.jobs.release(token)

    def _next(self, record: JobRecord) -> JobRecord:
        match record.state:
            case "Starting":
                return self._started(record)
            case "Running":
                return self._observed(record)
            case "Ended":
                return self._answered(record)
            case "Answered":
                return record

    def _started(self, record: JobRecord) -> JobRecord:
        service = self.services[record.service]
        try:
            # Whoever was here before may have been cut off after starting it.
            job_id = service.find(record.request, record.key)
            if job_id is None and record.stop_requested:
                return _ended(record, failed("stopped before its job was started"))
            job_id = job_id or service.start(record.request, record.key)
        except RefusedError as error:
            return _ended(record, failed(str(error)))
        except NotNowError as error:
            if self.now() - record.created_at < START_SECONDS:
                raise
            return _ended(record, failed(f"not started within a day: {error}"))
        return replace(record, state="Running", job_id=job_id)

    def _observed(self, record: JobRecord) -> JobRecord:
        service = self.services[record.service]
        status = service.describe(record.job_id)
        match status.state:
            case "Running":
                if record.stop_requested:
                    service.stop(record.job_id)
                return record
            case "Stopping":
                return record
            case "Succeeded":
                outputs = {**status.outputs, **record.outputs}
                return _ended(record, Outcome(succeeded=True, outputs=outputs))
            case "Failed" | "Stopped":
                reason = status.reason or "no reason given"
                return _ended(record, failed(f"{record.job_id} {status.state.lower()}: {reason}"))

    def _answered(self, record: JobRecord) -> JobRecord:
        try:
            self.callbacks.answer(record)
        except RefusedError as error:
            if record.outcome is not None and record.outcome.succeeded:
                return replace(record, outcome=failed(f"its outputs were refused: {error}"))
            LOG.exception("%s: nobody takes its answer", record.key)
        return replace(record, state="Answered")


def _ended(record: JobRecord, outcome: Outcome) -> JobRecord:
    return replace(record, state="Ended", outcome=outcome)
