"""The services of one account and region: bounded waits, retries, and errors that are ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from boto3 import Session
from boto3.exceptions import Boto3Error
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from orchestrator.aws.refusals import as_aws_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Response: TypeAlias = Mapping[str, Any]
"""What a call answers, as botocore reads it."""

ATTEMPTS = 5
"""Of a call that was throttled, failed or lost: botocore waits ever longer between, with jitter."""
CONNECT_SECONDS = 10
READ_SECONDS = 60


class Aws:
    """The services of one account and region. Each call answers, or raises an `AwsError`."""

    def __init__(self, session: Session, region: str, *, attempts: int = ATTEMPTS) -> None:
        self.region = region
        self._session = session
        self._config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        self._clients: dict[str, Any] = {}

    def call(self, service: str, operation: str, **request: Any) -> Response:
        """Return the response of one call, such as `call("sts", "GetCallerIdentity")`."""
        call = f"{service}:{operation}"
        try:
            response: Response = getattr(self._client(service), xform_name(operation))(**request)
        except (BotoCoreError, ClientError) as error:
            raise as_aws_error(error, call) from error
        return response

    def pages(self, service: str, operation: str, **request: Any) -> Iterator[Response]:
        """Yield every page of a call that lists."""
        try:
            paginator = self._client(service).get_paginator(xform_name(operation))
            yield from paginator.paginate(**request)
        except (BotoCoreError, ClientError) as error:
            raise as_aws_error(error, f"{service}:{operation}") from error

    def put(
        self, bucket: str, key: str, content: bytes | Path, *, kms_key_id: str | None = None
    ) -> None:
        """Store one object whole or not at all, its SHA-256 checked by S3; large files in parts."""
        options = {"ChecksumAlgorithm": "SHA256", **_encryption(kms_key_id)}
        if isinstance(content, bytes):
            self.call("s3", "PutObject", Bucket=bucket, Key=key, Body=content, **options)
            return
        try:
            with content.open("rb") as file:
                self._client("s3").upload_fileobj(file, bucket, key, ExtraArgs=options)
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise as_aws_error(error, "s3:PutObject") from error

    def get(self, bucket: str, key: str, path: Path) -> None:
        """Write one object to `path`, whole or not at all; large ones in parts."""
        try:
            self._client("s3").download_file(bucket, key, str(path))
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise as_aws_error(error, "s3:GetObject") from error

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service, region_name=self.region, config=self._config
            )
        return self._clients[service]


def connect(region: str | None = None) -> Aws:
    """Return the services that boto3 finds credentials for, as the AWS command line does.

    Args:
        region: Where; None is the region that boto3 is set up for.

    Raises:
        AwsError: If there is no region, or AWS_PROFILE names no profile.
    """
    try:
        session = Session()
        where = region or session.region_name
        if where is None:
            raise NoRegionError
    except BotoCoreError as error:
        raise as_aws_error(error, "aws") from error
    return Aws(session, where)


def _encryption(kms_key_id: str | None) -> dict[str, str]:
    if kms_key_id is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}
