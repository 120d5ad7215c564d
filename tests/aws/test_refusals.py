"""What AWS says no with, in our words: what happened, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boto3.exceptions import RetriesExceededError
from botocore import exceptions

from orchestrator.aws import refusals
from orchestrator.aws.clients import connect
from orchestrator.aws.refusals import as_aws_error
from orchestrator.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    NotFoundError,
    RegionError,
    ThrottledError,
    UnavailableError,
)

if TYPE_CHECKING:
    from orchestrator.aws.refusals import Foreign

CODES = {
    **dict.fromkeys(refusals.EXPIRED, CredentialsError),
    **dict.fromkeys(refusals.NOT_VALID, CredentialsError),
    **dict.fromkeys(refusals.DENIED, AccessDeniedError),
    **dict.fromkeys(refusals.THROTTLED, ThrottledError),
    **dict.fromkeys(refusals.NOT_FOUND, NotFoundError),
}
WAYS = [
    exceptions.ConnectionClosedError(endpoint_url="https://x"),
    exceptions.ConnectTimeoutError(endpoint_url="https://x"),
    exceptions.EndpointConnectionError(endpoint_url="https://x"),
    exceptions.HTTPClientError(error="x"),
    exceptions.ProxyConnectionError(proxy_url="https://x"),
    exceptions.ReadTimeoutError(endpoint_url="https://x"),
    exceptions.ResponseStreamingError(error="x"),
    exceptions.SSLError(endpoint_url="https://x", error="x"),
    RetriesExceededError(OSError("x")),
]
NO_CREDENTIALS = [
    exceptions.CredentialRetrievalError(provider="sso", error_msg="x"),
    exceptions.NoCredentialsError(),
    exceptions.PartialCredentialsError(provider="env", cred_var="secret"),
    exceptions.ProfileNotFound(profile="x"),
    exceptions.SSOTokenLoadError(error_msg="x"),
    exceptions.TokenRetrievalError(provider="sso", error_msg="x"),
    exceptions.UnauthorizedSSOTokenError(),
]


def answered(code: str, message: str = "", status: int = 400) -> exceptions.ClientError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return exceptions.ClientError(response, "CreatePipeline")


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_that_is_named_has_its_kind_and_says_what_to_do(code: str) -> None:
    error = as_aws_error(answered(code), "sagemaker:CreatePipeline")
    assert type(error) is CODES[code]
    assert error.exit_code == 3
    assert str(error).startswith("sagemaker:CreatePipeline: ")
    assert str(error).endswith(".")


@pytest.mark.parametrize("error", WAYS, ids=lambda error: type(error).__name__)
def test_a_way_that_is_cut_may_be_open_later(error: Foreign) -> None:
    ours = as_aws_error(error, "s3:PutObject")
    assert (type(ours), ours.retryable) == (UnavailableError, True)


@pytest.mark.parametrize("error", NO_CREDENTIALS, ids=lambda error: type(error).__name__)
def test_without_credentials_a_person_is_told_to_sign_in(error: Foreign) -> None:
    ours = as_aws_error(error, "s3:PutObject")
    assert type(ours) is CredentialsError
    assert "Sign in again, as with `aws sso login`, or set AWS_PROFILE" in str(ours)


def test_a_missing_permission_is_named_as_aws_names_it() -> None:
    said = (
        "User: arn:aws:iam::1:user/jo is not authorized to perform: iam:PassRole on resource: "
        "arn:aws:iam::1:role/fmo"
    )
    error = as_aws_error(answered("AccessDeniedException", said), "sagemaker:CreatePipeline")
    assert str(error) == (
        f"sagemaker:CreatePipeline: access denied ({said}). Ask for the permission iam:PassRole."
    )


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        ("s3:HeadBucket", "s3:ListBucket"),
        ("s3:UploadPart", "s3:PutObject"),
        ("sagemaker:AddTags", "sagemaker:AddTags"),
    ],
)
def test_where_aws_names_no_permission_the_calls_own_is_named(call: str, permission: str) -> None:
    error = as_aws_error(answered("403", "Forbidden", 403), call)
    assert str(error) == f"{call}: access denied. Ask for the permission {permission}."


def test_a_failure_of_aws_may_pass() -> None:
    error = as_aws_error(answered("InternalFailure", "x", 500), "s3:PutObject")
    assert (type(error), error.retryable) == (UnavailableError, True)


def test_anything_else_is_told_in_the_words_of_aws() -> None:
    error = as_aws_error(answered("ValidationException", "Too  long.\n"), "s3:PutObject")
    assert type(error) is AwsError
    assert str(error) == (
        "s3:PutObject: AWS refused (ValidationException): Too long. Change what it names."
    )


def test_without_a_region_a_person_is_told_where_to_give_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(RegionError, match=r"no AWS region is given\. Give --region, or set"):
        connect()


def test_the_region_is_taken_from_where_boto3_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert connect().region == "eu-west-1"
    assert connect("us-east-1").region == "us-east-1"
