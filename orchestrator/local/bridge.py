"""Carries a callback step to its end on this machine, by the bridge that does it on AWS.

Its handlers and its services are the same; only the clients behind them are of this machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.bridge.bridge import Bridge
from orchestrator.bridge.services.bedrock import Bedrock
from orchestrator.bridge.services.bedrock_import import BedrockImport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.bridge.model import JobRecord, Json, Outcome
    from orchestrator.local.bedrock import LocalBedrock


def carry_here(message: Mapping[str, Json], client: LocalBedrock, now: int) -> Outcome:
    """Return how the job ended that a callback step's message asks for.

    Args:
        message: What SageMaker would write into the queue.
        client: Runs a job to its end when it is created.
        now: Seconds since 1970.

    Raises:
        PoisonError: If it names no callback.
    """
    jobs, answers = _Jobs(), _Answers()
    services: dict[str, Any] = {
        "bedrock": Bedrock(client),
        "bedrock_import": BedrockImport(client),
    }
    Bridge(jobs, answers, services, lambda: now).receive(json.dumps(message))
    [outcome] = answers.given
    return outcome


@dataclass
class _Answers:
    """`Callbacks` of one step."""

    given: list[Outcome] = field(default_factory=list)

    def answer(self, record: JobRecord) -> None:
        """Keep the record's outcome."""
        if record.outcome is not None:
            self.given.append(record.outcome)


@dataclass
class _Jobs:
    """`Jobs` of one step: nobody else works on it, since a job ends within its creation."""

    records: dict[str, JobRecord] = field(default_factory=dict)

    def add(self, record: JobRecord) -> None:
        """Keep a new record."""
        self.records.setdefault(record.token, record)

    def request_stop(self, token: str) -> None:
        """Note that a job is to be stopped."""
        self.records[token] = replace(self.records[token], stop_requested=True)

    def hold(self, token: str) -> JobRecord:
        """Return the record."""
        return self.records[token]

    def save(self, record: JobRecord) -> JobRecord:
        """Keep the record."""
        self.records[record.token] = record
        return record

    def release(self, token: str) -> None:
        """Do nothing: it was not kept from anybody."""

    def token_of(self, service: str, job_id: str) -> str | None:
        """Return the token of a job."""
        found = (it for it in self.records.values() if (it.service, it.job_id) == (service, job_id))
        return next((record.token for record in found), None)

    def open_tokens(self) -> Iterator[str]:
        """Return the tokens that are not answered."""
        return (it.token for it in self.records.values() if it.state != "Answered")
