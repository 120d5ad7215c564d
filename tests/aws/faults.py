"""What goes wrong on the way to AWS, call by call."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock, local
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

if TYPE_CHECKING:
    import boto3

REFUSALS = {
    "throttled": (400, "ThrottlingException", "Rate exceeded"),
    "slow down": (503, "SlowDown", "Please reduce your request rate."),
    "internal error": (500, "InternalFailure", "An internal error occurred."),
    "unavailable": (503, "ServiceUnavailable", "Try again."),
    "expired": (403, "ExpiredToken", "The security token included in the request is expired"),
    "unknown key": (403, "UnrecognizedClientException", "The security token is invalid."),
    "not there yet": (400, "ResourceNotFound", "Pipeline execution does not exist."),
    "denied": (403, "AccessDeniedException", "User: u is not authorized to perform: a:B on c"),
}
"""Name to HTTP status, code and message of an answer."""
LOST = {
    "reset": ConnectionClosedError,
    "timeout": ReadTimeoutError,
    "unreachable": EndpointConnectionError,
}
"""Name to what botocore raises where no answer comes."""
KINDS = tuple(kind for kind in (*REFUSALS, *LOST) if kind != "not there yet")
"""What may go wrong at any call."""


@dataclass
class Faults:
    """Counts the requests of a session's clients, and answers one of them with a fault."""

    kind: str | None = None
    at: int = 0
    """The request that goes wrong, counted from 1; 0: none."""
    times: int = 1
    after: bool = False
    """Whether the request is carried out all the same, and only its answer is lost."""
    calls: list[str] = field(default_factory=list)
    """Every operation that was asked for."""
    _mine: local = field(default_factory=local)
    """The number of the request that this thread is at: parts are uploaded side by side."""
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, session: boto3.Session) -> Faults:
        """Return faults for clients that `session` makes from now on."""
        faults = cls()
        # botocore asks every handler, so that moto would carry out what is refused here.
        session.events.unregister("before-send", botocore_stubber)
        session.events.register_first("before-send.*.*", faults._answer)
        return faults

    def set(self, kind: str, at: int, *, times: int = 1, after: bool = False) -> None:
        """Let the next requests from number `at` on go wrong."""
        self.kind, self.at, self.times, self.after = kind, at, times, after
        self.calls.clear()

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        with self._lock:
            self.calls.append(event_name.removeprefix("before-send."))
            self._mine.number = len(self.calls)
        is_due = self.kind is not None and self._is_due()
        if not is_due or self.after:
            answer: AWSResponse | None = botocore_stubber(event_name=event_name, request=request)
        if self.kind is None or not is_due:
            return answer
        if self.kind in LOST:
            raise LOST[self.kind](endpoint_url=request.url, error="lost")
        return refusal(request, *REFUSALS[self.kind])

    def _is_due(self) -> bool:
        return self.at > 0 and self.at <= self._mine.number < self.at + self.times


def refusal(request: Any, status: int, code: str, message: str) -> AWSResponse:
    """Return an answer in the form of the service that was asked."""
    if "X-Amz-Target" in request.headers:
        headers, text = (
            {"x-amzn-errortype": code},
            f'{{"__type": "{code}", "message": "{message}"}}',
        )
    elif ".s3." in request.url or "/s3" in request.url:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        headers = {"content-type": "application/xml"}
    else:
        text = (
            f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            "</ErrorResponse>"
        )
        headers = {"content-type": "text/xml"}
    body = b"" if request.method == "HEAD" else text.encode()
    return AWSResponse(request.url, status, headers, Raw(body))


class Raw:
    """The body of an answer, as urllib3 would give it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body

    def read(self, *_: Any, **__: Any) -> bytes:
        return self._body
