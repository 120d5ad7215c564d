"""The account of an environment: made, changed, shown, taken away; each fault mended."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.bridge_code import bridge_code
from orchestrator.aws.infra import (
    Infrastructure,
    carry_out,
    forget,
    kept,
    plan_infrastructure,
    project_lines,
    remove,
    standing,
)
from orchestrator.aws.stacks import StackEvent, find_stack
from orchestrator.bridge.dynamo import TABLE
from orchestrator.errors import AwsError, ThrottledError, UnavailableError
from tests.aws import strict_cloudformation
from tests.aws.account import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.infra import PartPlan
    from tests.aws.faults import Faults

ACCOUNT = "123456789012"
SMALL = Infrastructure("fmo-dev")
WHOLE = Infrastructure("fmo-dev", ("network", "schedules", "bridge"), tags={"team": "support"})
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


@pytest.fixture
def failing() -> Iterator[set[str]]:
    """Logical ids of resources that cannot be made."""
    strict_cloudformation.FAILING.clear()
    yield strict_cloudformation.FAILING
    strict_cloudformation.FAILING.clear()


def plan(wanted: Infrastructure, aws: Aws) -> tuple[PartPlan, ...]:
    return plan_infrastructure(wanted, aws, lambda: None)


def deploy(wanted: Infrastructure, aws: Aws) -> tuple[dict[str, str], list[tuple[str, StackEvent]]]:
    told: list[tuple[str, StackEvent]] = []
    outputs = carry_out(
        wanted, plan(wanted, aws), aws, lambda: None, lambda part, event: told.append((part, event))
    )
    return outputs, told


def actions(wanted: Infrastructure, aws: Aws) -> dict[str, str]:
    plans = plan(wanted, aws)
    forget(plans, aws)
    return {one.part: one.action for one in plans}


def change_sets(aws: Aws) -> int:
    return len(aws.call("cloudformation", "ListChangeSets", StackName="any")["Summaries"])


def test_a_bucket_a_key_and_roles_suffice_without_callback_steps(aws: Aws) -> None:
    outputs, told = deploy(SMALL, aws)
    assert outputs["BucketName"] == f"fmo-dev-{ACCOUNT}-{REGION}"
    assert outputs["ExecutionRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/fmo-dev-execution"
    assert ("roles", "ExecutionRole") in [(part, event.logical_id) for part, event in told]
    assert find_stack("fmo-dev-bridge", aws) is None
    assert project_lines(outputs) == {
        "bucket": outputs["BucketName"],
        "kms_key_id": outputs["KmsKeyArn"],
        "role_arn": outputs["ExecutionRoleArn"],
        "bedrock_role_arn": outputs["BedrockRoleArn"],
    }


def test_the_bucket_is_encrypted_by_the_key(aws: Aws, session: boto3.Session) -> None:
    outputs, _ = deploy(SMALL, aws)
    s3, bucket = session.client("s3"), outputs["BucketName"]
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": outputs["KmsKeyArn"],
    }


def test_what_would_be_made_is_shown_before_anything_is(aws: Aws, faults: Faults) -> None:
    plans = plan(SMALL, aws)
    assert [(one.part, one.action) for one in plans] == [("storage", "create"), ("roles", "create")]
    assert [change.logical_id for change in plans[0].changes] == [
        "Key", "KeyAlias", "Bucket", "BucketPolicy",
    ]  # fmt: skip
    assert set(faults.calls) == {"cloudformation.DescribeStacks"}


def test_a_second_deployment_changes_nothing_and_leaves_nothing(aws: Aws, faults: Faults) -> None:
    first, _ = deploy(WHOLE, aws)
    faults.set("none", 0)
    second, told = deploy(WHOLE, aws)
    assert (second, told) == (first, [])
    assert not {"cloudformation.ExecuteChangeSet", "s3.PutObject"} & set(faults.calls)
    assert change_sets(aws) == 0


def test_a_parameter_that_changes_is_shown_with_what_it_changes(aws: Aws) -> None:
    deploy(SMALL, aws)
    changed = replace(SMALL, parameters={"NoncurrentVersionDays": "30"})
    plans = plan(changed, aws)
    assert [(one.part, one.action) for one in plans] == [("storage", "update"), ("roles", "none")]
    assert [(one.action, one.logical_id) for one in plans[0].changes] == [("Modify", "Bucket")]
    forget(plans, aws)
    assert change_sets(aws) == 0
    deploy(changed, aws)
    assert set(actions(changed, aws).values()) == {"none"}


def test_a_part_that_is_added_leaves_the_others_alone(aws: Aws) -> None:
    deploy(SMALL, aws)
    assert actions(replace(SMALL, parts=("bridge",)), aws) == {
        "storage": "none", "roles": "none", "bridge": "create",
    }  # fmt: skip


def test_every_part_fits_together(aws: Aws) -> None:
    outputs, _ = deploy(WHOLE, aws)
    lines = project_lines(outputs)
    assert list(lines) == [
        "bucket", "kms_key_id", "subnets", "security_group_ids", "role_arn",
        "bedrock_role_arn", "scheduler_role_arn", "scheduler_dead_letter_arn",
        "starter_function_arn", "notify_topic_arn", "callback_queue_url",
    ]  # fmt: skip
    assert len(lines["subnets"]) == 2
    queue = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/fmo-dev-callbacks"
    assert lines["callback_queue_url"] == queue


def test_jobs_may_connect_to_a_vpc_only_where_there_is_one(aws: Aws) -> None:
    deploy(SMALL, aws)
    assert policies(aws, "fmo-dev-execution") == ["pipelines-and-jobs"]
    deploy(replace(SMALL, parts=("network",)), aws)
    assert policies(aws, "fmo-dev-execution") == ["pipelines-and-jobs", "vpc"]


def policies(aws: Aws, role: str) -> list[str]:
    return sorted(aws.call("iam", "ListRolePolicies", RoleName=role)["PolicyNames"])


def test_the_functions_have_the_code_of_the_bridge(aws: Aws, session: boto3.Session) -> None:
    outputs, _ = deploy(replace(SMALL, parts=("bridge",)), aws)
    found = session.client("lambda").get_function(FunctionName="fmo-dev-bridge-start")
    configuration = found["Configuration"]
    assert configuration["Handler"] == "orchestrator.bridge.lambdas.start"
    assert configuration["Environment"]["Variables"] == {"FMO_BRIDGE_TABLE": "fmo-dev-callbacks"}
    stored = session.client("s3").get_object(Bucket=outputs["BucketName"], Key=bridge_code().key)
    with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
        assert {"orchestrator/__init__.py", "orchestrator/bridge/lambdas.py"} <= set(
            archive.namelist()
        )


def test_the_starter_needs_no_bridge(aws: Aws, session: boto3.Session) -> None:
    outputs, _ = deploy(replace(SMALL, parts=("schedules",)), aws)
    found = session.client("lambda").get_function(FunctionName=outputs["StarterFunctionArn"])
    assert found["Configuration"]["Handler"] == "orchestrator.bridge.starter.start"
    assert found["Configuration"]["Role"].endswith(":role/fmo-dev-starter")
    stored = session.client("s3").get_object(Bucket=outputs["BucketName"], Key=bridge_code().key)
    with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
        assert "orchestrator/bridge/starter.py" in archive.namelist()


def test_the_table_is_what_the_bridge_expects(aws: Aws, session: boto3.Session) -> None:
    deploy(replace(SMALL, parts=("bridge",)), aws)
    dynamo = session.client("dynamodb")
    table = dynamo.describe_table(TableName="fmo-dev-callbacks")["Table"]
    assert table["KeySchema"] == TABLE["KeySchema"]
    found = [
        {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
        for index in table["GlobalSecondaryIndexes"]
    ]
    assert found == TABLE["GlobalSecondaryIndexes"]


def test_messages_come_in_batches_of_which_one_can_fail(aws: Aws, session: boto3.Session) -> None:
    deploy(replace(SMALL, parts=("bridge",)), aws)
    [mapping] = session.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["BatchSize"] == 10
    assert mapping["EventSourceArn"].endswith(":fmo-dev-callbacks")
    queue = session.client("sqs").get_queue_attributes(
        QueueUrl=f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/fmo-dev-callbacks",
        AttributeNames=["VisibilityTimeout", "RedrivePolicy"],
    )["Attributes"]
    assert queue["VisibilityTimeout"] == "720"
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 5


def test_what_is_there_already_is_given_and_not_made(aws: Aws) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/theirs"
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc"
    given = {"BucketName": "acme-dev", "KmsKeyArn": key, "ExecutionRoleArn": role}
    outputs, told = deploy(replace(SMALL, parameters=given), aws)
    assert {event.logical_id for _, event in told} == {"fmo-dev-roles", "BedrockRole"}
    assert project_lines(outputs) == {
        "bucket": "acme-dev", "kms_key_id": key, "role_arn": role,
        "bedrock_role_arn": f"arn:aws:iam::{ACCOUNT}:role/fmo-dev-bedrock",
    }  # fmt: skip


def test_every_role_has_the_boundary_and_the_prefix(aws: Aws, session: boto3.Session) -> None:
    bounded = replace(WHOLE, prefix="acme-ml", parameters={"PermissionsBoundaryArn": BOUNDARY})
    session.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(ALLOW))
    deploy(bounded, aws)
    iam = session.client("iam")
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    assert len(names) == 7
    assert [name for name in names if not name.startswith("acme-ml-")] == []
    roles: list[dict[str, Any]] = [iam.get_role(RoleName=name)["Role"] for name in names]
    assert {role["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles} == {BOUNDARY}


ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


def test_a_resource_that_cannot_be_made_is_named_with_the_reason(
    aws: Aws, failing: set[str]
) -> None:
    failing.add("BedrockRole")
    with pytest.raises(AwsError, match="stack fmo-dev-roles: BedrockRole ") as caught:
        deploy(SMALL, aws)
    assert str(caught.value).endswith(
        "failed: BedrockRole exceeds a quota of this account. Correct that and deploy again."
    )
    failing.clear()
    assert actions(SMALL, aws) == {"storage": "none", "roles": "create"}
    deploy(SMALL, aws)
    assert set(actions(SMALL, aws).values()) == {"none"}


def test_what_is_under_way_is_waited_for(aws: Aws) -> None:
    deploy(SMALL, aws)
    at_work = strict_cloudformation.stack("fmo-dev-roles")
    at_work.status, at_work.ends = "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"  # type: ignore[attr-defined]
    told: list[str] = []
    plans = plan_infrastructure(SMALL, aws, lambda: None, told.append)
    assert told == ["stack fmo-dev-roles is UPDATE_IN_PROGRESS: waiting for its end"]
    assert [one.action for one in plans] == ["none", "none"]


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        ("ROLLBACK_COMPLETE", "Delete it with `fmo infra delete`, and repeat the command."),
        (
            "UPDATE_ROLLBACK_FAILED",
            "Run: aws cloudformation continue-update-rollback --stack-name fmo-dev-roles",
        ),
    ],
)
def test_a_stack_that_cannot_be_changed_is_named_with_what_to_do(
    aws: Aws, status: str, fix: str
) -> None:
    deploy(SMALL, aws)
    strict_cloudformation.stack("fmo-dev-roles").status = status
    with pytest.raises(AwsError) as caught:
        plan(SMALL, aws)
    assert str(caught.value) == f"stack fmo-dev-roles: it is {status} and cannot be changed. {fix}"


def test_deleting_keeps_the_bucket_with_its_key_and_says_how_to_use_them(
    aws: Aws, session: boto3.Session
) -> None:
    wanted = replace(SMALL, parts=("bridge", "schedules"))  # moto cannot delete a VPC.
    outputs, _ = deploy(wanted, aws)
    stacks = standing(wanted, aws)
    assert list(stacks) == ["bridge", "schedules", "roles", "storage"]
    stays = kept(stacks, aws)
    assert stays == {name: outputs[name] for name in ("BucketName", "KmsKeyArn")}
    remove(stacks, aws, lambda: None, lambda _, __: None)
    assert standing(wanted, aws) == {}
    session.client("s3").head_bucket(Bucket=outputs["BucketName"])
    assert session.client("iam").list_roles()["Roles"] == []
    again, _ = deploy(replace(SMALL, parameters=stays), aws)
    assert again["BucketName"] == outputs["BucketName"]


def test_one_part_can_be_deleted(aws: Aws) -> None:
    wanted = replace(SMALL, parts=("bridge",))
    deploy(wanted, aws)
    stacks = standing(wanted, aws, ["bridge"])
    remove(stacks, aws, lambda: None, lambda _, __: None)
    assert list(standing(wanted, aws)) == ["roles", "storage"]
    assert kept(stacks, aws) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "after"), [("throttled", False), ("reset", True)])
def test_after_a_fault_at_any_call_a_second_deployment_mends_it(
    aws: Aws,
    faults: Faults,
    kind: str,
    after: bool,  # noqa: FBT001
) -> None:
    failed: list[AwsError] = []
    for at in range(1, 100):
        wanted = Infrastructure(f"fmo-{at}")
        faults.set(kind, at, after=after)
        try:
            deploy(wanted, aws)
        except AwsError as error:
            failed.append(error)
        else:
            break
        faults.set(kind, 0)
        deploy(wanted, aws)
        assert set(actions(wanted, aws).values()) == {"none"}
    assert len(failed) >= 20, "each call went wrong once"
    assert {type(error) for error in failed} == {UnavailableError if after else ThrottledError}
