"""What AWS or the way to it says no with, as errors of ours: the one place that reads theirs."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TypeAlias

from boto3.exceptions import Boto3Error, RetriesExceededError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name for it
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from orchestrator.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    NotFoundError,
    RegionError,
    ThrottledError,
    UnavailableError,
)

Foreign: TypeAlias = BotoCoreError | ClientError | Boto3Error

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
NOT_VALID = frozenset(
    {"AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken",
     "SignatureDoesNotMatch", "UnrecognizedClientException"}
)  # fmt: skip
DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
THROTTLED = frozenset(
    {"RequestLimitExceeded", "RequestThrottled", "SlowDown", "Throttling", "ThrottlingException",
     "TooManyRequestsException"}
)  # fmt: skip
NOT_FOUND = frozenset(
    {"404", "ChangeSetNotFound", "ChangeSetNotFoundException", "ImageNotFoundException",
     "NoSuchBucket", "NoSuchEntity", "NoSuchKey", "NotFound", "RepositoryNotFoundException",
     "ResourceNotFound", "ResourceNotFoundException"}
)  # fmt: skip
NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
SIGN_IN = "Sign in again, as with `aws sso login`, or set AWS_PROFILE; then repeat the command."

PERMISSIONS = {
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
}
"""Calls whose permission has another name (Service Authorization Reference, Amazon S3)."""
# CloudFormation has no code of its own for a stack that is not there (DescribeStacks, Errors).
_NO_STACK = re.compile(r"^Stack\b.* does not exist$")
_NAMED_PERMISSION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")


def as_aws_error(error: Foreign, call: str) -> AwsError:
    """Return what `error` means, and what to do about it.

    Args:
        error: What botocore or boto3 raised.
        call: What was asked, such as `sagemaker:CreatePipeline`.
    """
    if isinstance(error, ClientError):
        return _refused(error, call)
    if isinstance(error, NO_CREDENTIALS):
        return CredentialsError(f"{call}: there are no AWS credentials ({error}). {SIGN_IN}")
    if isinstance(error, NoRegionError):
        return RegionError(f"{call}: no AWS region is given. Give --region, or set AWS_REGION.")
    if isinstance(error, (ConnectionError, HTTPClientError, RetriesExceededError)):
        fix = "Check network, proxy and the region's name, then repeat the command."
        what = f"AWS cannot be reached: {str(error).rstrip('.')}"
        return UnavailableError(f"{call}: {what}. {fix}", retryable=True)
    return AwsError(f"{call}: {str(error).rstrip('.')}. Correct what it names.")


def _refused(error: ClientError, call: str) -> AwsError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = _said(error)
    if code in EXPIRED:
        return CredentialsError(f"{call}: the AWS credentials have expired. {SIGN_IN}")
    if code in NOT_VALID:
        return CredentialsError(f"{call}: AWS does not know these credentials ({code}). {SIGN_IN}")
    if code in DENIED:
        fix = f"Ask for the permission {_permission(said, call)}."
        return AccessDeniedError(f"{call}: access denied{_in_brackets(said)}. {fix}")
    if code in THROTTLED:
        what = "AWS turns requests away, also after waiting and trying again"
        return ThrottledError(f"{call}: {what}. Repeat the command in a minute.", retryable=True)
    if code in NOT_FOUND or (code == "ValidationError" and _NO_STACK.search(said)):
        fix = "Check the name, the region and the account."
        return NotFoundError(f"{call}: there is no such thing{_in_brackets(said)}. {fix}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        what = f"AWS failed ({code}), also when asked again"
        return UnavailableError(f"{call}: {what}. Repeat the command in a minute.", retryable=True)
    return AwsError(f"{call}: AWS refused ({code}): {said}. Change what it names.")


def _said(error: ClientError) -> str:
    return " ".join(str(error.response.get("Error", {}).get("Message", "")).split()).rstrip(".")


def _permission(said: str, call: str) -> str:
    named = _NAMED_PERMISSION.search(said)
    return named[1] if named else PERMISSIONS.get(call, call)


def _in_brackets(said: str) -> str:
    # HeadBucket and HeadObject have no body to say more in than the words of HTTP.
    return f" ({said})" if said and said not in {"Forbidden", "Not Found"} else ""
