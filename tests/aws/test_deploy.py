"""Deploying: what is planned, what is made, and that a second deploy mends the first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.aws.clients import Aws
from orchestrator.aws.deploy import INLINE_BYTES, carry_out, find_pipeline, plan_deployment
from orchestrator.aws.refusals import PERMISSIONS
from orchestrator.commands.deploy_view import plan_lines
from orchestrator.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    NotFoundError,
    RegionError,
    ThrottledError,
    UnavailableError,
)
from tests.aws.account import BUCKET, REGION
from tests.aws.conftest import definition
from tests.aws.faults import KINDS, LOST
from tests.aws.pipeline import DEFINITION

if TYPE_CHECKING:
    import boto3

    from orchestrator.aws.deploy import Deployment
    from tests.aws.faults import Faults

PAGE = Path(__file__).parents[2] / "docs" / "commands" / "deploy.md"
KEYS = [
    "fmo/assets/code/aa/launch.py",
    "fmo/assets/code/aa/lib/sft.py",
    "fmo/assets/data/bb/rows.jsonl",
]
RAISES: dict[str, type[AwsError]] = {
    "throttled": ThrottledError,
    "slow down": ThrottledError,
    "internal error": UnavailableError,
    "unavailable": UnavailableError,
    "expired": CredentialsError,
    "unknown key": CredentialsError,
    "denied": AccessDeniedError,
} | dict.fromkeys(LOST, UnavailableError)
CALLS = 30
"""More than a first deployment asks."""


def deploy(deployment: Deployment, aws: Aws) -> str:
    return carry_out(plan_deployment(deployment, aws), aws)


def keys(aws: Aws) -> list[str]:
    found = aws.call("s3", "ListObjectsV2", Bucket=BUCKET, Prefix="fmo/")
    return [item["Key"] for item in found.get("Contents", ())]


def test_the_first_deployment_stores_every_asset_and_creates_the_pipeline(
    deployment: Deployment, aws: Aws, session: boto3.Session
) -> None:
    plan = plan_deployment(deployment, aws)
    assert plan.action == "create"
    assert [upload.key for upload in plan.uploads] == KEYS
    assert keys(aws) == []  # A plan changes nothing.
    assert find_pipeline("words", aws) is None
    arn = carry_out(plan, aws)
    assert arn == "arn:aws:sagemaker:eu-central-1:123456789012:pipeline/words"
    assert keys(aws) == KEYS
    found = find_pipeline("words", aws)
    assert found is not None
    assert found["PipelineDefinition"].encode() == deployment.definition
    assert found["RoleArn"] == deployment.role_arn
    tags = session.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "support"}]


def test_objects_are_stored_whole_and_as_they_are(
    deployment: Deployment, aws: Aws, session: boto3.Session
) -> None:
    deploy(deployment, aws)
    s3 = session.client("s3")
    large = deployment.folders[1].files["rows.jsonl"]
    assert not isinstance(large, bytes)
    assert s3.get_object(Bucket=BUCKET, Key=KEYS[2])["Body"].read() == large.read_bytes()
    head = s3.head_object(Bucket=BUCKET, Key=KEYS[0], ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s="


def test_a_key_of_the_environment_encrypts_what_is_stored(
    deployment: Deployment, aws: Aws, session: boto3.Session
) -> None:
    deploy(replace(deployment, kms_key_id="alias/acme"), aws)
    for key in KEYS:
        head = session.client("s3").head_object(Bucket=BUCKET, Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/acme")


def test_a_disk_that_takes_no_key_is_said(deployment: Deployment, aws: Aws) -> None:
    whole = replace(deployment, definition=json.dumps(DEFINITION).encode(), kms_key_id="alias/acme")
    said = "volume       sft: no kms_key_id, ml.g5.2xlarge encrypts its NVMe disk by itself"
    lines = plan_lines(plan_deployment(whole, aws), "dev", REGION)
    assert [line for line in lines if line.startswith("volume")] == [said]
    without = plan_deployment(replace(whole, kms_key_id=None), aws)
    assert not [line for line in plan_lines(without, "dev", REGION) if line.startswith("volume")]


def test_a_second_deployment_changes_nothing_and_writes_nothing(
    deployment: Deployment, aws: Aws, faults: Faults
) -> None:
    deploy(deployment, aws)
    faults.calls.clear()
    again = plan_deployment(deployment, aws)
    assert again.changes_nothing
    assert carry_out(again, aws).endswith("pipeline/words")
    assert not [call for call in faults.calls if "Put" in call or "date" in call or "Cre" in call]


def test_a_changed_definition_updates_the_pipeline_and_names_what_differs(
    deployment: Deployment, aws: Aws
) -> None:
    deploy(deployment, aws)
    plan = plan_deployment(replace(deployment, definition=definition(limit=9)), aws)
    assert plan.action == "update"
    assert plan.uploads == ()
    (change,) = plan.changes
    assert (change.path, change.before, change.after) == ("Parameters.Limit.DefaultValue", 5, 9)
    carry_out(plan, aws)
    found = find_pipeline("words", aws)
    assert found is not None
    assert found["PipelineDefinition"].encode() == definition(limit=9)


def test_another_role_updates_the_pipeline_though_the_definition_is_the_same(
    deployment: Deployment, aws: Aws
) -> None:
    deploy(deployment, aws)
    other = replace(deployment, role_arn="arn:aws:iam::123456789012:role/other")
    plan = plan_deployment(other, aws)
    assert (plan.action, plan.changes) == ("update", ())
    carry_out(plan, aws)
    assert plan_deployment(other, aws).changes_nothing


def test_a_pipeline_that_something_else_made_is_told_apart(
    deployment: Deployment, aws: Aws
) -> None:
    aws.call(
        "sagemaker", "CreatePipeline", PipelineName="words", ClientRequestToken="t" * 32,
        PipelineDefinition=definition(limit=7).decode(), RoleArn=deployment.role_arn,
    )  # fmt: skip
    plan = plan_deployment(deployment, aws)
    assert plan.is_foreign
    said = "pipeline     words: update, 1 change, though fmo did not make it"
    assert said in plan_lines(plan, "dev", REGION)
    carry_out(plan, aws)
    assert not plan_deployment(deployment, aws).is_foreign


def test_a_tag_that_an_existing_pipeline_lacks_is_added(deployment: Deployment, aws: Aws) -> None:
    deploy(deployment, aws)
    tagged = replace(deployment, tags={"team": "support", "stage": "dev"})
    plan = plan_deployment(tagged, aws)
    assert (plan.action, plan.tags) == ("none", {"stage": "dev"})
    carry_out(plan, aws)
    assert plan_deployment(tagged, aws).changes_nothing


def test_an_object_of_another_size_is_stored_anew(
    deployment: Deployment, aws: Aws, session: boto3.Session
) -> None:
    deploy(deployment, aws)
    session.client("s3").put_object(Bucket=BUCKET, Key=KEYS[1], Body=b"cut")
    plan = plan_deployment(deployment, aws)
    assert [upload.key for upload in plan.uploads] == [KEYS[1]]


def test_a_large_definition_goes_by_s3(deployment: Deployment, aws: Aws) -> None:
    text = deployment.definition.decode()
    padding = ", ".join(
        f'{{"Name": "n{n}", "Type": "Fail", "Arguments": {{"ErrorMessage": "{"x" * 900}"}}}}'
        for n in range(120)
    )
    large = text.replace('"Steps": [', f'"Steps": [{padding}, ').encode()
    assert len(large) > INLINE_BYTES
    deploy(replace(deployment, definition=large), aws)
    assert len([key for key in keys(aws) if key.startswith("fmo/assets/definitions/")]) == 1
    found = find_pipeline("words", aws)
    assert found is not None
    assert found["PipelineDefinition"].encode() == large


def test_what_the_service_refuses_is_said_in_its_words(deployment: Deployment, aws: Aws) -> None:
    with pytest.raises(AwsError, match="sagemaker:CreatePipeline: AWS refused") as caught:
        deploy(replace(deployment, definition=b'{"Version": "x", "Steps": []}'), aws)
    assert type(caught.value) is AwsError
    assert "Unable to parse pipeline definition" in str(caught.value)


def test_credentials_of_another_account_are_refused_before_anything_is_asked(
    deployment: Deployment, aws: Aws, faults: Faults
) -> None:
    other = replace(deployment, role_arn="arn:aws:iam::222222222222:role/fmo")
    expected = "credentials are of account 123456789012, the role_arn of 222222222222. Set AWS_PRO"
    with pytest.raises(CredentialsError, match=expected):
        plan_deployment(other, aws)
    assert faults.calls == ["sts.GetCallerIdentity"]


def test_a_bucket_that_is_not_there_is_named_with_how_to_make_it(
    deployment: Deployment, aws: Aws
) -> None:
    expected = "bucket 'gone': there is no such bucket. Make it: aws s3 mb s3://gone --region eu-c"
    with pytest.raises(NotFoundError, match=expected):
        plan_deployment(replace(deployment, bucket="gone"), aws)


def test_a_bucket_in_another_region_is_refused(
    deployment: Deployment, session: boto3.Session
) -> None:
    with pytest.raises(RegionError, match="the bucket is in eu-central-1, and the environment in"):
        plan_deployment(deployment, Aws(session, "us-east-1", attempts=1))


def test_the_page_lists_every_permission_that_deploying_needs(
    deployment: Deployment, aws: Aws, faults: Faults
) -> None:
    deploy(deployment, aws)
    deploy(replace(deployment, definition=definition(limit=9), tags={"stage": "dev"}), aws)
    asked = {call.replace(".", ":") for call in faults.calls}
    actions = {PERMISSIONS.get(call, call).partition(":")[2] for call in asked}
    assert {"PutObject", "CreatePipeline", "UpdatePipeline", "AddTags"} <= actions
    listed = PAGE.read_text(encoding="utf-8").partition("## Permissions")[2]
    assert [action for action in sorted(actions) if f"{action}`" not in listed] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_after_a_fault_at_any_call_a_second_deployment_mends_it(
    deployment: Deployment, aws: Aws, faults: Faults, kind: str
) -> None:
    failed: list[AwsError] = []
    for at in range(1, CALLS + 1):
        name = f"words-{at}"
        one = replace(deployment, pipeline_name=name)
        empty(aws)
        faults.set(kind, at)
        try:
            deploy(one, aws)
        except AwsError as error:
            failed.append(error)
        else:
            break
        faults.set(kind, 0)
        deploy(one, aws)
        assert keys(aws) == KEYS
        assert plan_deployment(one, aws).changes_nothing
    assert len(failed) == len(faults.calls) >= 10, "each call went wrong once"
    # The answer to a HEAD request has no body that would say more than its status.
    told = [error for error in failed if not str(error).startswith("s3:HeadBucket: ")]
    assert {type(error) for error in told} == {RAISES[kind]}
    faults.set(kind, 0)
    assert pipelines(aws) == len(failed) + 1


@pytest.mark.parametrize("at", range(1, 12))
def test_an_answer_that_is_lost_after_the_act_does_no_harm(
    deployment: Deployment, aws: Aws, faults: Faults, at: int
) -> None:
    faults.set("reset", at, after=True)
    with pytest.raises(UnavailableError):
        deploy(deployment, aws)
    faults.set("reset", 0)
    deploy(deployment, aws)
    assert keys(aws) == KEYS
    assert pipelines(aws) == 1


def test_a_passing_fault_is_waited_for(
    deployment: Deployment, session: boto3.Session, faults: Faults
) -> None:
    faults.set("throttled", 1)
    deploy(deployment, Aws(session, REGION))
    assert faults.calls.count("sts.GetCallerIdentity") == 2


def empty(aws: Aws) -> None:
    for key in keys(aws):
        aws.call("s3", "DeleteObject", Bucket=BUCKET, Key=key)


def pipelines(aws: Aws) -> int:
    return len(aws.call("sagemaker", "ListPipelines")["PipelineSummaries"])
