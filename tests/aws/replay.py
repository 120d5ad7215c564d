"""A session that answers as an account once did, call by call, from a recording."""

from __future__ import annotations

import io
from collections import deque
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.response import StreamingBody

from tools.aws_smoke.recording import read_recording

if TYPE_CHECKING:
    from pathlib import Path


class Replay:
    """Answers the calls of a session's clients; any call but the next one is an error."""

    def __init__(self, path: Path, region: str) -> None:
        self.session = boto3.Session("key", "secret", region_name=region)
        self._calls = deque(call for call in read_recording(path) if "response" in call)
        self.session.events.register_first("before-call.*.*", self._answer)

    def assert_all_was_asked(self) -> None:
        assert [call["operation"] for call in self._calls] == []

    def _answer(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        call = self._calls.popleft()
        recorded = f"{call['service']}:{call['operation']}"
        asked = f"{model.service_model.service_name}:{model.name}"
        if asked != recorded:
            msg = f"{asked} was asked, where the recording has {recorded}"
            raise AssertionError(msg)
        answer = {**call["response"], "ResponseMetadata": {"HTTPStatusCode": call["status"]}}
        if isinstance(answer.get("Body"), bytes):
            answer["Body"] = StreamingBody(io.BytesIO(answer["Body"]), len(answer["Body"]))
        return AWSResponse("https://aws.example", call["status"], {}, None), answer
