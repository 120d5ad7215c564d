"""A session of the SageMaker SDK without AWS. Imports the SDK: load it only where it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from sagemaker.core.workflow.pipeline_context import PipelineSession

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.local.store import Store

ACCOUNT = "000000000000"
NO_TELEMETRY = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


class LocalSession(PipelineSession):  # type: ignore[misc]  # the SDK's classes have no types here
    """Takes requests instead of sending them; what is uploaded is in the store at once."""

    def __init__(self, store: Store, bucket: str, region: str) -> None:
        self._store = store
        boto = LocalBoto(store, region)
        super().__init__(boto_session=boto, default_bucket=bucket, sagemaker_config=NO_TELEMETRY)

    def default_bucket(self) -> str:
        """Return the bucket, which is a folder of the store."""
        return str(self._default_bucket_name_override)

    def upload_data(
        self, path: str, bucket: str | None = None, key_prefix: str = "data", **_: object
    ) -> str:
        """Store a file, or the files of a folder, and return the URI that names them."""
        uri = f"s3://{bucket or self.default_bucket()}/{key_prefix}"
        if Path(path).is_dir():
            self._store.upload(Path(path), uri)
            return uri
        self._store.put_file(f"{uri}/{Path(path).name}", Path(path))
        return f"{uri}/{Path(path).name}"

    def upload_string_as_file_body(self, body: str, bucket: str, key: str, **_: object) -> str:
        """Store a text and return its URI."""
        self._store.put_bytes(f"s3://{bucket}/{key}", body.encode())
        return f"s3://{bucket}/{key}"


class LocalBoto(boto3.Session):  # type: ignore[misc]
    """boto3 with an S3 that is the store, and an IAM and STS that know one account."""

    def __init__(self, store: Store, region: str) -> None:
        super().__init__(ACCOUNT, "local", region_name=region)
        self._store = store

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """Return a client; it reaches nothing if it is one that compiling asks."""
        if service_name in {"iam", "sts"}:
            return LocalIdentity()
        if service_name == "s3":
            return LocalS3(self._store)
        return super().client(service_name, *args, **kwargs)

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """Return a resource; that of S3 is the store."""
        if service_name == "s3":
            return LocalS3(self._store)
        return super().resource(service_name, *args, **kwargs)


class LocalIdentity:
    """Says of every role that it may do everything: nobody checks it on this machine."""

    def simulate_principal_policy(self, **_: object) -> Mapping[str, Any]:
        """Allow."""
        return {"EvaluationResults": [{"EvalDecision": "allowed"}]}

    def get_caller_identity(self) -> Mapping[str, str]:
        """Return an account that nobody has."""
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/fmo-local"}


class LocalS3:
    """As much of S3 as the SDK asks for while it compiles: objects are put."""

    def __init__(self, store: Store, uri: str = "") -> None:
        self._store = store
        self._uri = uri

    def Object(self, bucket: str, key: str) -> LocalS3:  # noqa: N802 - boto3's name
        """Return an object, which need not be there."""
        return LocalS3(self._store, f"s3://{bucket}/{key}")

    def upload_file(self, path: str, bucket: str = "", key: str = "", **_: object) -> None:
        """Store a file, as a client or as an object."""
        self._store.put_file(f"s3://{bucket}/{key}" if bucket else self._uri, Path(path))

    def put_object(self, **request: Any) -> None:
        """Store bytes or text, as a client or as an object."""
        body = request["Body"]
        uri = f"s3://{request['Bucket']}/{request['Key']}" if "Bucket" in request else self._uri
        self._store.put_bytes(uri, body.encode() if isinstance(body, str) else body)

    put = put_object


def session_of(store: Store, bucket: str, region: str) -> LocalSession:
    """Return a session whose uploads go to `store`."""
    return LocalSession(store, bucket, region)
