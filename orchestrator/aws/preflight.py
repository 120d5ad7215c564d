"""What must hold before anything is changed in an account: who asks, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import CredentialsError, NotFoundError, RegionError

if TYPE_CHECKING:
    from orchestrator.aws.clients import Aws

ACCOUNT = 4
"""The place of the account among the parts of an ARN."""


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are."""

    account: str
    arn: str


def caller_of(aws: Aws) -> Caller:
    """Return whose credentials these are."""
    answer = aws.call("sts", "GetCallerIdentity")
    return Caller(answer["Account"], answer["Arn"])


def caller_in_account_of(role_arn: str, aws: Aws) -> Caller:
    """Return whose credentials these are.

    Raises:
        CredentialsError: If they are of another account than the role's: SageMaker refuses it.
    """
    caller, wanted = caller_of(aws), role_arn.split(":")[ACCOUNT]
    if caller.account != wanted:
        what = f"the credentials are of account {caller.account}, the role_arn of {wanted}"
        fix = "Set AWS_PROFILE to one of that account, or give another --env."
        msg = f"{caller.arn}: {what}. {fix}"
        raise CredentialsError(msg)
    return caller


def bucket_is_in_region(bucket: str, aws: Aws) -> None:
    """Check that the bucket is there and in the region of the jobs.

    Raises:
        NotFoundError: If there is no such bucket.
        RegionError: If it is in another region, from which jobs do not read.
    """
    place, uri = f"bucket '{bucket}'", f"s3://{bucket}"
    try:
        found = aws.call("s3", "HeadBucket", Bucket=bucket)
    except NotFoundError as error:
        msg = f"{place}: there is no such bucket. Make it: aws s3 mb {uri} --region {aws.region}"
        raise NotFoundError(msg) from error
    region = found.get("BucketRegion", aws.region)
    if region != aws.region:
        what = f"the bucket is in {region}, and the environment in {aws.region}"
        msg = f"{place}: {what}. Give a bucket in {aws.region}."
        raise RegionError(msg)
