"""Role and bucket that nobody named, and `Pipeline` with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import boto3
import pytest

from orchestrator import Pipeline, load
from orchestrator.aws.account import account_defaults
from orchestrator.aws.clients import Aws
from orchestrator.compiler.environment import Environment
from orchestrator.errors import CredentialsError, InputError, NotFoundError
from orchestrator.python.cloud import Execution, destination
from tests.aws.account import BUCKET, REGION, ROLE
from tests.aws.faults import Faults

ACCOUNT = "123456789012"
DEFAULT = f"sagemaker-{REGION}-{ACCOUNT}"
EXAMPLE = Path(__file__).parents[2] / "docs" / "commands" / "example"
NOWHERE = Path("/nowhere/resource-metadata.json")


def make_bucket(session: boto3.Session) -> None:
    session.client("s3").create_bucket(
        Bucket=DEFAULT, CreateBucketConfiguration={"LocationConstraint": REGION}
    )


def as_role(session: boto3.Session, name: str, path: str = "/service-role/") -> boto3.Session:
    """Return a session with credentials of a role."""
    role = session.client("iam").create_role(
        RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps({"Statement": []})
    )["Role"]["Arn"]
    found = session.client("sts").assume_role(RoleArn=role, RoleSessionName="SageMaker")
    keys = found["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
    )


def test_the_role_of_a_studio_app_is_the_one_that_studio_names(
    session: boto3.Session, tmp_path: Path
) -> None:
    make_bucket(session)
    metadata = tmp_path / "resource-metadata.json"
    metadata.write_text(json.dumps({"DomainId": "d-1", "ExecutionRoleArn": ROLE}))
    found = account_defaults(Aws(session, REGION), metadata)
    assert (found.role_arn, found.bucket) == (ROLE, DEFAULT)
    assert found.role_source == "the role of this Studio app"


def test_elsewhere_it_is_the_role_of_the_caller_with_its_path(session: boto3.Session) -> None:
    make_bucket(session)
    found = account_defaults(Aws(as_role(session, "Trainer"), REGION), NOWHERE)
    assert found.role_arn == f"arn:aws:iam::{ACCOUNT}:role/service-role/Trainer"
    assert found.role_source == "the role of the caller"


def test_a_caller_who_may_not_look_at_roles_has_one_without_a_path(
    session: boto3.Session,
) -> None:
    make_bucket(session)
    caller = as_role(session, "Trainer", "/")
    faults = Faults.of(caller)
    faults.set("denied", 2)
    found = account_defaults(Aws(caller, REGION, attempts=1), NOWHERE)
    assert faults.calls[:2] == ["sts.GetCallerIdentity", "iam.GetRole"]
    assert found.role_arn == f"arn:aws:iam::{ACCOUNT}:role/Trainer"


@pytest.mark.parametrize("name", [None, "AWSReservedSSO_Admin_0123456789abcdef"])
def test_a_person_is_no_role_for_jobs(session: boto3.Session, name: str | None) -> None:
    make_bucket(session)
    caller = as_role(session, name) if name else session
    with pytest.raises(CredentialsError, match=r"jobs need a role\. Name a role in fmo\.yaml"):
        account_defaults(Aws(caller, REGION), NOWHERE)


def test_the_bucket_is_never_made(session: boto3.Session) -> None:
    caller = Aws(as_role(session, "Trainer"), REGION)
    with pytest.raises(NotFoundError, match=f"aws s3 mb s3://{DEFAULT} --region {REGION}"):
        account_defaults(caller, NOWHERE)
    buckets = session.client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == [BUCKET]


def test_environments_of_a_project_have_to_be_named(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    with pytest.raises(InputError, match=r"fmo\.yaml has environments, and none is named\. Name "):
        destination(None, tmp_path, NOWHERE)


def test_what_the_defaults_file_of_the_sdk_says_holds_without_an_environment(
    session: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del session
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    file = tmp_path / "sagemaker.yaml"
    file.write_text(
        f"SageMaker:\n  PythonSDK: {{Modules: {{Session: {{DefaultS3Bucket: {BUCKET}}}}}}}\n"
        f"  TrainingJob: {{RoleArn: '{ROLE}', VpcConfig: {{Subnets: [subnet-1], "
        "SecurityGroupIds: [sg-1]}}\n"
    )
    named = {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(file), "HOME": str(tmp_path)}
    found = destination(None, tmp_path, NOWHERE, named)
    assert isinstance(found.target, Environment)
    assert (found.target.role_arn, found.target.bucket) == (ROLE, BUCKET)
    assert (found.target.subnets, found.target.security_group_ids) == (("subnet-1",), ("sg-1",))
    assert found.told == (
        f"defaults     {file}, of the SageMaker SDK",
        f"role         {ROLE}: named there",
        f"bucket       {BUCKET}: named there",
    )


@pytest.fixture
def pipeline(session: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The example of the commands, in an account whose caller has the role of its `dev`."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    project = tmp_path / "fmo.yaml"
    project.write_text(project.read_text().replace("111111111111", ACCOUNT))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FMO_HOME", raising=False)
    del session
    return load("spec.yaml")


def test_a_pipeline_is_deployed_started_watched_and_pulled(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed = pipeline.deploy("dev")
    assert deployed.pipeline_arn.endswith(":pipeline/count-words")
    assert f"environment  dev: account {ACCOUNT}, eu-central-1" in capsys.readouterr().err
    assert pipeline.diff("dev") == ()
    assert pipeline.deploy("dev").plan.changes_nothing
    execution = pipeline.start("dev", smoke=True, parameters={"Limit": 3})
    told = capsys.readouterr().err
    assert "parameter    Limit=3" in told
    assert "job          count: 1 x ml.m5.xlarge" in told
    assert Path(".fmo/aws-executions.txt").read_text().split() == [execution.arn]
    assert execution.result().status == "Executing"
    result = execution.watch(every_seconds=0.0)
    assert result.status == "Succeeded"
    assert "again: succeeded" in capsys.readouterr().err
    pulled = execution.pull("count")
    assert pulled["count"].path("rows").is_dir()
    assert not pulled["again"].paths
    assert execution.stop() == "Succeeded"


def test_an_execution_is_known_by_its_arn_alone(pipeline: Pipeline) -> None:
    pipeline.deploy("dev")
    arn = pipeline.start("dev").arn
    assert repr(Execution(arn)) == f"Execution({arn!r})"
    assert Execution(arn).stop() == "Stopping"
    with pytest.raises(KeyError, match="Did you mean 'count'"):
        Execution(arn).pull("cuont")
    with pytest.raises(InputError, match="is not the ARN of an execution"):
        Execution("last")
