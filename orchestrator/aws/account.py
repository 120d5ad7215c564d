"""What an account gives to who names nothing: the role of a Studio app or caller, a bucket."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.aws.preflight import bucket_is_in_region
from orchestrator.errors import AccessDeniedError, CredentialsError, NotFoundError

if TYPE_CHECKING:
    from orchestrator.aws.clients import Aws

METADATA = Path("/opt/ml/metadata/resource-metadata.json")
"""What SageMaker Studio writes about the app that this runs in (SDK, `session_helper.py`)."""
ASSUMED = re.compile(r"arn:(aws[\w-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/.+")
OF_A_PERSON = "AWSReservedSSO_"
"""What roles of IAM Identity Center begin with; SageMaker may not assume them."""
NAMED = "named there"
GIVE = "Name a role in fmo.yaml: environments: {dev: {region: ..., role_arn: ..., bucket: ...}}."


@dataclass(frozen=True)
class AccountDefaults:
    """Role and bucket that nobody had to name."""

    role_arn: str
    role_source: str
    """Whose role it is, in words."""
    bucket: str
    bucket_source: str
    """Why this bucket, in words."""


def account_defaults(
    aws: Aws, metadata: Path = METADATA, *, role_arn: str | None = None, bucket: str | None = None
) -> AccountDefaults:
    """Return the role that runs this, and the bucket that the SageMaker SDK uses.

    Args:
        aws: The account and region.
        metadata: Where Studio tells about its app; it need not exist.
        role_arn: A role that is known already.
        bucket: A bucket that is known already.

    Raises:
        CredentialsError: If the credentials are not those of a role that jobs could have.
        NotFoundError: If the bucket is not there; it is never made here.
    """
    caller = aws.call("sts", "GetCallerIdentity")
    role, role_source = (role_arn, NAMED) if role_arn else _role(caller["Arn"], metadata, aws)
    default = f"sagemaker-{aws.region}-{caller['Account']}"
    bucket_is_in_region(bucket or default, aws)
    bucket_source = NAMED if bucket else "the SageMaker SDK's default"
    return AccountDefaults(role, role_source, bucket or default, bucket_source)


def studio_role(metadata: Path = METADATA) -> str | None:
    """Return the execution role that Studio names for its app; None elsewhere."""
    try:
        told = json.loads(metadata.read_bytes())
    except (OSError, ValueError):
        return None
    role = told.get("ExecutionRoleArn") if isinstance(told, dict) else None
    return role if isinstance(role, str) else None


def _role(caller_arn: str, metadata: Path, aws: Aws) -> tuple[str, str]:
    given = studio_role(metadata)
    if given:
        return given, "the role of this Studio app"
    return _caller_role(caller_arn, aws), "the role of the caller"


def _caller_role(arn: str, aws: Aws) -> str:
    found = ASSUMED.fullmatch(arn)
    if found is None or found[3].startswith(OF_A_PERSON):
        whose = "a person" if found else "no role"
        msg = f"{arn}: the credentials are of {whose}, and jobs need a role. {GIVE}"
        raise CredentialsError(msg)
    partition, account, name = found.groups()
    try:
        # The session's ARN leaves out the path, without which the role's is another one.
        return str(aws.call("iam", "GetRole", RoleName=name)["Role"]["Arn"])
    except (AccessDeniedError, NotFoundError):
        return f"arn:{partition}:iam::{account}:role/{name}"
