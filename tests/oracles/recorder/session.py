"""An SDK session that captures requests and reaches nothing."""

from __future__ import annotations

from pathlib import Path

import boto3
from sagemaker.core.workflow.pipeline_context import PipelineSession

BUCKET = "acme-models"
ROLE = "arn:aws:iam::111122223333:role/Pipelines"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313"


class AllowingIam:
    """Says yes to the policy simulation that ModelTrainer asks for."""

    def simulate_principal_policy(self, **_: object) -> dict[str, list[dict[str, str]]]:
        return {"EvaluationResults": [{"EvalDecision": "allowed"}]}


class ForgetfulS3:
    """Takes uploads and keeps nothing."""

    def Object(self, *_: object) -> ForgetfulS3:  # noqa: N802 - boto3's name
        return self

    def upload_file(self, *_: object, **__: object) -> None:
        return None

    def put_object(self, *_: object, **__: object) -> None:
        return None


class OfflineBoto(boto3.Session):
    """boto3 whose IAM is `AllowingIam` and whose S3 is `ForgetfulS3`."""

    def resource(self, name: str, *args: object, **kwargs: object) -> object:
        return ForgetfulS3() if name == "s3" else super().resource(name, *args, **kwargs)

    def client(self, name: str, *args: object, **kwargs: object) -> object:
        fakes = {"iam": AllowingIam, "s3": ForgetfulS3}
        return fakes[name]() if name in fakes else super().client(name, *args, **kwargs)


class OfflineSession(PipelineSession):
    """A PipelineSession whose uploads only say where they would have gone."""

    def default_bucket(self) -> str:
        return BUCKET

    def upload_data(self, path, bucket=None, key_prefix="data", **_: object) -> str:
        uri = f"s3://{bucket}/{key_prefix}"
        return uri if Path(path).is_dir() else f"{uri}/{Path(path).name}"

    def upload_string_as_file_body(self, body, bucket, key, **_: object) -> str:
        del body
        return f"s3://{bucket}/{key}"


def offline_session() -> OfflineSession:
    """Return a session in us-east-1 with a fixed bucket and no telemetry."""
    return OfflineSession(
        boto_session=OfflineBoto(region_name="us-east-1"),
        default_bucket=BUCKET,
        sagemaker_config={
            "SchemaVersion": "1.0",
            "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
        },
    )
