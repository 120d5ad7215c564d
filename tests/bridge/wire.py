"""Clients that fail when told to: every call passes through a wire that counts them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

Fault = Literal["killed", "throttled", "failed"]
FAULTS: tuple[Fault, ...] = ("killed", "throttled", "failed")
"""`killed`: the process ends right after the call. `throttled`: the call has not taken effect.
`failed`: the service answers 503, though it has."""


class KilledError(BaseException):
    """The process is gone: nothing of it catches this, and none of its later calls is made."""


@dataclass
class Wire:
    """Lets one call fail, and counts all."""

    fault: Fault | None = None
    at: int = 0
    """Which call, from 1."""
    calls: list[str] = field(default_factory=list)
    dead: bool = False
    meanwhile: tuple[str, Callable[[], None]] | None = None
    """A name, and what somebody else does while the first call of this name is made."""

    @property
    def struck(self) -> bool:
        return self.fault is not None and len(self.calls) >= self.at

    def call(self, name: str, method: Callable[..., Any], request: dict[str, Any]) -> Any:
        if self.dead:
            raise KilledError
        self.calls.append(name)
        fault = self.fault if len(self.calls) == self.at else None
        if fault == "throttled":
            raise client_error(name, "ThrottlingException", 400)
        if self.meanwhile and name == self.meanwhile[0]:
            _, act = self.meanwhile
            self.meanwhile = None
            act()
        answer = method(**request)
        if fault == "killed":
            self.dead = True
            raise KilledError
        if fault == "failed":
            raise client_error(name, "ServiceUnavailable", 503)
        return answer


@dataclass(frozen=True)
class WiredClient:
    """A client whose calls pass through a wire."""

    client: Any
    wire: Wire

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda **request: self.wire.call(name, method, request)


def client_error(name: str, code: str, status: int) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": f"injected into {name}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, name)
