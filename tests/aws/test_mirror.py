"""Models of the hub in the bucket: brought over once, file by file, as they were locked."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.aws.deploy import carry_out, plan_deployment
from orchestrator.aws.mirror import HubFolder
from orchestrator.commands.deploy_view import plan_lines
from orchestrator.compiler.lock import LockedFile
from orchestrator.errors import AwsError, DataError, Problem
from tests.aws.account import BUCKET, REGION
from tests.aws.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.deploy import Deployment
    from orchestrator.aws.mirror import MissingFile
    from tests.aws.faults import Faults

COMMIT = "a" * 40
PREFIX = f"fmo/hub/acme/tiny/{COMMIT}/"
FILES = {"config.json": b"{}", "model.safetensors": b"w" * 9_000_000}
"""The weights are more than one part of an upload."""


@dataclass
class Hub:
    """Gives the files of a model, and counts."""

    folder: Path
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def __call__(self, file: MissingFile) -> Iterator[Path]:
        self.asked.append(file.name)
        path = self.folder / file.name
        path.write_bytes(self.files[file.name])
        yield path


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    locked = {
        "config.json": LockedFile(
            size_bytes=2, git_sha1="9e26dfeeb6e641a33dae4961196235bdb965b21b"
        ),
        "model.safetensors": LockedFile(
            size_bytes=9_000_000, sha256=hashlib.sha256(FILES["model.safetensors"]).hexdigest()
        ),
    }
    model = HubFolder(f"s3://{BUCKET}/{PREFIX}", "acme/tiny", COMMIT, locked)
    return replace(deployment, folders=(), models=(model,))


def deploy(deployment: Deployment, aws: Aws, hub: Hub) -> None:
    carry_out(plan_deployment(deployment, aws), aws, fetch=hub)


def test_a_model_is_stored_once_and_its_size_is_said_before(
    deployment: Deployment, aws: Aws, hub: Hub, session: boto3.Session
) -> None:
    plan = plan_deployment(deployment, aws)
    said = "hub          acme/tiny@aaaaaaaaaaaa: 2 files, 9,000,002 bytes to fetch and store"
    assert said in plan_lines(plan, "dev", REGION)
    assert hub.asked == []
    carry_out(plan, aws, fetch=hub)
    assert hub.asked == ["config.json", "model.safetensors"]
    s3 = session.client("s3")
    for name, content in FILES.items():
        assert s3.get_object(Bucket=BUCKET, Key=PREFIX + name)["Body"].read() == content
    again = plan_deployment(deployment, aws)
    assert again.changes_nothing
    assert not [line for line in plan_lines(again, "dev", REGION) if line.startswith("hub")]


def test_a_key_of_the_environment_encrypts_models(
    deployment: Deployment, aws: Aws, hub: Hub, session: boto3.Session
) -> None:
    deploy(replace(deployment, kms_key_id="alias/acme"), aws, hub)
    head = session.client("s3").head_object(Bucket=BUCKET, Key=f"{PREFIX}model.safetensors")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/acme")


@pytest.mark.parametrize("name", sorted(FILES))
def test_bytes_that_were_not_locked_are_not_stored(
    deployment: Deployment, aws: Aws, hub: Hub, name: str
) -> None:
    hub.files[name] = FILES[name][:-1] + b"?"
    told = (
        f"hf://acme/tiny@{COMMIT}: {name} has other bytes than the lock says. "
        "Repeat the command; if it stays, run `fmo lock`."
    )
    with pytest.raises(DataError) as caught:
        deploy(deployment, aws, hub)
    assert str(caught.value) == told
    missing = [one.name for one in plan_deployment(deployment, aws).models]
    assert name in missing


def test_a_hub_that_refuses_leaves_no_pipeline(deployment: Deployment, aws: Aws) -> None:
    @contextmanager
    def refuses(file: MissingFile) -> Iterator[Path]:
        raise DataError(Problem(file.uri, "it is gated", "Set HF_TOKEN."))
        yield Path()

    with pytest.raises(DataError, match="it is gated"):
        carry_out(plan_deployment(deployment, aws), aws, fetch=refuses)
    assert plan_deployment(deployment, aws).action == "create"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_after_a_fault_at_any_call_the_next_deployment_goes_on_at_the_file(
    deployment: Deployment, aws: Aws, hub: Hub, faults: Faults, kind: str
) -> None:
    failed = 0
    for at in range(1, 30):
        for found in aws.call("s3", "ListObjectsV2", Bucket=BUCKET).get("Contents", ()):
            aws.call("s3", "DeleteObject", Bucket=BUCKET, Key=found["Key"])
        one = replace(deployment, pipeline_name=f"words-{at}")
        hub.asked.clear()
        faults.set(kind, at)
        try:
            deploy(one, aws, hub)
        except AwsError:
            failed += 1
        else:
            break
        faults.set(kind, 0)
        left = [file.name for file in plan_deployment(one, aws).models]
        hub.asked.clear()
        deploy(one, aws, hub)
        assert hub.asked == left
        assert plan_deployment(one, aws).changes_nothing
    assert failed == len(faults.calls) >= 8, "each call went wrong once"
