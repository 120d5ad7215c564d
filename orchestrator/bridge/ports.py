"""What the bridge works with. On AWS: DynamoDB, SageMaker, and the services themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.bridge.model import JobRecord, JobStatus, Json


class Service(Protocol):
    """A service that runs jobs. Every method may raise `NotNowError` and `RefusedError`."""

    event_pattern: ClassVar[Mapping[str, Json]]
    """The EventBridge pattern of the events that `job_of` reads; empty if it sends none."""

    def find(self, request: Mapping[str, Json], key: str) -> str | None:
        """Return the id of the job that `start` has started for `key`; None if there is none."""

    def start(self, request: Mapping[str, Json], key: str) -> str:
        """Start a job and return its id; for the same `key` no second one."""

    def describe(self, job_id: str) -> JobStatus:
        """Return how a job does; one that is gone has failed."""

    def stop(self, job_id: str) -> None:
        """Ask for the end of a running job, without waiting for it."""

    def job_of(self, event: Mapping[str, Json]) -> str | None:
        """Return the id of the job that an EventBridge event is about; None if it is of others."""


class Jobs(Protocol):
    """The records, and who may change which."""

    def add(self, record: JobRecord) -> None:
        """Keep a new record; nothing changes if its token has one."""

    def request_stop(self, token: str) -> None:
        """Note that a job is to be stopped; whoever holds the record will see it."""

    def hold(self, token: str) -> JobRecord:
        """Return a record that nobody else may change until `release`, or this invocation's end.

        Raises:
            BusyError: If another invocation holds it.
        """

    def save(self, record: JobRecord) -> JobRecord:
        """Keep a record that is held; return it with what others noted meanwhile."""

    def release(self, token: str) -> None:
        """Let others hold a record."""

    def token_of(self, service: str, job_id: str) -> str | None:
        """Return the token of a job; None if it is not ours."""

    def open_tokens(self) -> Iterator[str]:
        """Return the tokens of callbacks that are not answered, the longest untouched first."""


class Callbacks(Protocol):
    """Where callbacks are answered."""

    def answer(self, record: JobRecord) -> None:
        """Answer with the record's outcome; again is the same as once.

        Raises:
            RefusedError: If the answer is not accepted.
            NotNowError: If it may not have arrived.
        """
