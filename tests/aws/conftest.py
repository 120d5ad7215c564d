"""An account of AWS in this process: moto, made strict; nothing leaves it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import moto
import pytest

import tests.aws.strict_account
import tests.aws.strict_moto  # noqa: F401 - makes moto strict
from orchestrator.aws.clients import Aws
from orchestrator.aws.deploy import Deployment, carry_out, plan_deployment
from orchestrator.aws.starts import plan_start, start
from tests.aws.account import BUCKET, REGION, ROLE
from tests.aws.faults import Faults
from tests.aws.pipeline import DEFINITION
from tests.aws.sessions import new_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import boto3


@dataclass(frozen=True)
class Folder:
    """A folder to store, as the compiler names it."""

    uri: str
    files: Mapping[str, bytes | Path] = field(default_factory=dict)


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    """A session of an account that has a bucket and nothing else."""
    with moto.mock_aws():
        found = new_session(REGION)
        found.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield found


@pytest.fixture
def aws(session: boto3.Session, faults: Faults) -> Aws:
    del faults  # Has to be there before a client is made.
    return Aws(session, REGION, attempts=1)


@pytest.fixture
def faults(session: boto3.Session) -> Faults:
    """What goes wrong with the calls of `session`'s clients; nothing unless told so."""
    return Faults.of(session)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    large = tmp_path / "rows.jsonl"
    large.write_bytes(b'{"text": "word"}\n' * 600_000)  # More than one part of an upload.
    folders = [
        Folder(f"s3://{BUCKET}/fmo/assets/code/aa/", {"launch.py": b"1", "lib/sft.py": b"22"}),
        Folder(f"s3://{BUCKET}/fmo/assets/data/bb/", {"rows.jsonl": large}),
    ]
    return Deployment("words", definition(), ROLE, BUCKET, folders, tags={"team": "support"})


@pytest.fixture
def deployed(aws: Aws) -> str:
    """The name of a pipeline that is deployed: prepare, then sft behind a gate."""
    one = Deployment("words", json.dumps(DEFINITION).encode(), ROLE, BUCKET)
    carry_out(plan_deployment(one, aws), aws)
    return one.pipeline_name


@pytest.fixture
def started(deployed: str, aws: Aws) -> str:
    """The ARN of an execution of it that has begun."""
    return start(plan_start(deployed, {}, aws), aws)


def definition(limit: int = 5) -> bytes:
    """Return a small definition with one parameter and one step."""
    return (
        b'{"Version": "2020-12-01", "Parameters": [{"Name": "Limit", "Type": "Integer", '
        b'"DefaultValue": %d}], "Steps": [{"Name": "no", "Type": "Fail", '
        b'"Arguments": {"ErrorMessage": "no"}}]}\n' % limit
    )
