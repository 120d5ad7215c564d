"""What must hold before anything is changed in an account: who asks, where, and what is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.aws.checks import (
    Report,
    data_is_there,
    foreign_images,
    images_are_there,
    quotas_suffice,
    role_may,
    spot_jobs_resume,
)
from orchestrator.aws.needs import needs_of
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import CredentialsError, NotFoundError, PreflightError, RegionError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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


@dataclass(frozen=True)
class Flight:
    """What is to run, and as whom."""

    definition: bytes
    role_arn: str
    bucket: str
    kms_key_id: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    arriving: Collection[str] = ()
    """Folders of the bucket that are stored before anything runs."""


def account_is_ready(flight: Flight, account: str, aws: Aws) -> tuple[str, ...]:
    """Return what could not be checked; all else that a run needs is there.

    Args:
        flight: What is to run.
        account: The caller's.
        aws: The account and region.

    Raises:
        PreflightError: With everything that is missing.
    """
    needs = needs_of(parse_definition(flight.definition), flight.parameters)
    role, bucket, key = flight.role_arn, flight.bucket, flight.kms_key_id
    report = Report()
    report.problems += spot_jobs_resume(needs)
    report.run("the role", lambda: role_may(role, bucket, key, needs, aws))
    report.run("the quotas", lambda: quotas_suffice(needs.instances, aws))
    report.run("the images", lambda: images_are_there(needs.images, account, aws))
    report.run("the data", lambda: data_is_there(needs.data, flight.arriving, aws))
    if report.problems:
        raise PreflightError(report.problems)
    return (*report.notes, *foreign_images(needs.images, account, aws.region))


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
