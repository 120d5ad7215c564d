"""What was asked of AWS and what it answered, one JSON object a line, without secrets.

Accounts, roles and buckets get other names; request ids, signatures and keys go.
"""

from __future__ import annotations

import base64
import io
import json
import re
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.response import StreamingBody

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

ACCOUNT = "123456789012"
"""What every account is called in a recording."""
CALLER = {
    "UserId": "AIDAEXAMPLE",
    "Account": ACCOUNT,
    "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/smoke/somebody",
}
SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|X-Amz-(?:Signature|Credential|Security-Token)=[^&\"\s]+"
)
REMOVED = "REMOVED"
MOST_BYTES = 1 << 20
"""Of an object that is kept; of a larger one only its size is."""


class Recorder:
    """Writes down each call of a session's clients, those made after this one only.

    `names` are words of the account, such as its bucket, with what they are called instead.
    """

    def __init__(self, session: boto3.Session, path: Path, names: dict[str, str]) -> None:
        self._path = path
        self._names = dict(names)
        self._lock = Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        # The first, before botocore fills in tokens that a replay will not know.
        session.events.register_first("before-parameter-build.*.*", self._asked)
        session.events.register("after-call.*.*", self._answered)
        session.events.register("after-call-error.*.*", self._lost)

    def _asked(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["fmo_request"] = {name: _plain(value) for name, value in params.items()}

    def _answered(self, parsed: dict[str, Any], model: Any, context: Any, **_: Any) -> None:
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        told = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        if isinstance(parsed.get("Body"), StreamingBody):
            content = parsed["Body"].read()
            parsed["Body"] = StreamingBody(io.BytesIO(content), len(content))
            told["Body"] = content
        if model.name == "GetCallerIdentity" and "Account" in told:
            self._names |= {told["Arn"]: CALLER["Arn"], told["UserId"]: CALLER["UserId"]}
            self._names[told["Account"]] = ACCOUNT
        self._write(model, context, {"status": status, "response": _plain(told)})

    def _lost(self, exception: Exception, context: Any, event_name: str, **_: Any) -> None:
        service, operation = event_name.split(".")[1:3]
        line = {"service": service, "operation": operation, "lost": type(exception).__name__}
        self._append({**line, "request": context.get("fmo_request", {})})

    def _write(self, model: Any, context: Any, answer: dict[str, Any]) -> None:
        service = model.service_model.service_name
        asked = {"service": service, "operation": model.name}
        self._append({**asked, "request": context.get("fmo_request", {}), **answer})

    def _append(self, line: dict[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        # Longest first: an ARN holds the account, which is replaced by itself too.
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(name, self._names[name])
        text = SECRET.sub(REMOVED, text)
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def read_recording(path: Path) -> list[dict[str, Any]]:
    """Return the calls in their order, times and bytes as botocore has them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, object_hook=_restored) for line in lines]


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    match value:
        case dict():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case datetime():
            return {"$time": value.isoformat()}
        case bytes() | bytearray() if len(value) <= MOST_BYTES:
            return {"$bytes": base64.b64encode(value).decode()}
        case bytes() | bytearray():
            return {"$size": len(value)}
        case str() | int() | float() | bool() | None:
            return value
        case _:
            # A file that is sent.
            return {"$size": None}


def _restored(value: dict[str, Any]) -> Any:
    match value:
        case {"$time": str(text)}:
            return datetime.fromisoformat(text)
        case {"$bytes": str(text)}:
            return base64.b64decode(text)
        case _:
            return value
