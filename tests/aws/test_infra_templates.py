"""The templates: what they say of access, what tools find in them, and what the code must find."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import moto
import pytest

from orchestrator.aws.templates import FOLDER, PARTS, load_template
from orchestrator.bridge.dynamo import TABLE
from orchestrator.bridge.lambdas import all_services
from orchestrator.commands import infra

if TYPE_CHECKING:
    from collections.abc import Iterator

README = FOLDER / "README.md"
NO_RESOURCES = {
    "bedrock:ListFoundationModels",
    "cloudwatch:PutMetricData",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
}
"""Service Authorization Reference: actions that take no resource."""


def resources(part: str, kind: str = "") -> dict[str, dict[str, Any]]:
    """Return the resources of a template, of one type if that is given."""
    found: dict[str, dict[str, Any]] = load_template(part).content["Resources"]
    return {name: told for name, told in found.items() if kind in ("", told["Type"])}


def statements(part: str) -> Iterator[dict[str, Any]]:
    """Yield every statement of what roles may do."""
    for told in resources(part).values():
        properties = told.get("Properties", {})
        documents = [one["PolicyDocument"] for one in properties.get("Policies", [])]
        if told["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            documents.append(properties["PolicyDocument"])
        for document in documents:
            yield from document["Statement"]


def roles() -> dict[str, dict[str, Any]]:
    return {
        name: told["Properties"]
        for part in PARTS
        for name, told in resources(part, "AWS::IAM::Role").items()
    }


@pytest.mark.slow
def test_cfn_lint_finds_nothing() -> None:
    files = [str(FOLDER / f"{part}.yaml") for part in PARTS]
    command = "from cfnlint.runner import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, *files], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_every_template_is_a_part_and_fits_into_one_request() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(PARTS) == set(infra.PARTS)
    # CreateChangeSet, TemplateBody: at most 51,200 bytes.
    assert max(len(load_template(part).body.encode()) for part in PARTS) <= 51_200


def test_actions_on_everything_are_those_that_take_no_resource() -> None:
    loose = {
        action
        for part in PARTS
        for statement in statements(part)
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }
    assert loose == NO_RESOURCES


def test_no_role_may_do_everything_of_a_service() -> None:
    every = [action for part in PARTS for one in statements(part) for action in one["Action"]]
    assert [action for action in every if "*" in action] == []


def test_roles_are_assumed_for_this_account_alone() -> None:
    for name, role in roles().items():
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"] == {"Service": "lambda.amazonaws.com"}:
            continue  # Lambda names neither account nor function when it assumes a role.
        condition = trust["Condition"]
        assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, name
        sources = condition["ArnLike"]["aws:SourceArn"]
        for source in sources if isinstance(sources, list) else [sources]:
            assert "${AWS::Region}:${AWS::AccountId}:" in source["Fn::Sub"], name


def test_roles_are_passed_to_one_service_only() -> None:
    passing = [one for part in PARTS for one in statements(part) if "iam:PassRole" in one["Action"]]
    assert len(passing) == 2
    for statement in passing:
        assert statement["Action"] == ["iam:PassRole"]
        assert "iam:PassedToService" in statement["Condition"]["StringEquals"]


def test_every_role_takes_the_boundary() -> None:
    wanted = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    assert [name for name, role in roles().items() if role["PermissionsBoundary"] != wanted] == []


def test_the_bucket_is_closed_and_takes_tls_only() -> None:
    bucket = resources("storage")["Bucket"]
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    events = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert properties["NotificationConfiguration"] == events
    assert len(properties["LifecycleConfiguration"]["Rules"]) == 2
    policy = resources("storage")["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert [(one["Sid"], one["Effect"]) for one in policy] == [
        ("TlsOnly", "Deny"),
        ("ModernTlsOnly", "Deny"),
    ]


@pytest.mark.parametrize("name", ["Bucket", "BucketPolicy", "Key"])
def test_data_and_their_key_outlive_the_stack(name: str) -> None:
    told = resources("storage")[name]
    assert (told["DeletionPolicy"], told["UpdateReplacePolicy"]) == (
        "RetainExceptOnCreate",  # What a failed stack has made is no data, and would be in the way.
        "Retain",
    )


def test_the_table_is_the_one_of_the_bridge() -> None:
    [table] = resources("bridge", "AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert {name: properties[name] for name in TABLE} == TABLE
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_there_is_a_rule_for_the_events_of_each_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with moto.mock_aws():
        services = all_services().values()
    sent = [dict(one.event_pattern) for one in services if one.event_pattern]
    rules = [one["Properties"] for one in resources("bridge", "AWS::Events::Rule").values()]
    assert [rule["EventPattern"] for rule in rules if "EventPattern" in rule] == sent
    [clock] = [rule for rule in rules if "ScheduleExpression" in rule]
    assert clock["ScheduleExpression"] == "rate(5 minutes)"


def test_functions_and_queue_wait_for_each_other_as_the_page_says() -> None:
    page = (FOLDER.parent / "docs" / "bridge.md").read_text(encoding="utf-8")
    functions = [one["Properties"] for one in resources("bridge", "AWS::Lambda::Function").values()]
    assert [one["Handler"] for one in functions] == [
        f"orchestrator.bridge.lambdas.{name}" for name in ("start", "complete", "sweep")
    ]
    [timeout] = {one["Timeout"] for one in functions}
    queue = resources("bridge")["Callbacks"]["Properties"]
    assert f"timeout {timeout} seconds" in page
    assert queue["VisibilityTimeout"] == 6 * timeout
    assert f"at least {queue['VisibilityTimeout']} seconds" in page
    assert f"after {queue['RedrivePolicy']['maxReceiveCount']} receives" in page


def test_the_starter_is_what_the_page_says() -> None:
    page = (FOLDER.parent / "docs" / "schedule.md").read_text(encoding="utf-8")
    starter = resources("schedules")["StarterFunction"]["Properties"]
    assert f"| handler | `{starter['Handler']}`; Python 3.11 or newer; timeout " in page
    assert f"timeout {starter['Timeout']} seconds" in page
    module, _, name = starter["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_every_exception_to_checkov_has_its_reason_on_the_page() -> None:
    skipped = {
        (one["id"], name, one["comment"])
        for part in PARTS
        for name, told in resources(part).items()
        for one in told.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }
    assert len(skipped) == 12
    listed = set(re.findall(r"\| `(CKV_AWS_\d+)` \|", README.read_text(encoding="utf-8")))
    assert listed == {check for check, _, _ in skipped}
    assert [comment for _, _, comment in skipped if len(comment) < 30] == []


def test_the_page_lists_every_parameter_that_can_be_given() -> None:
    page = (Path(FOLDER).parent / "docs" / "infra.md").read_text(encoding="utf-8")
    given = {name for part in PARTS for name in load_template(part).defaults}
    assert [name for name in sorted(given - {"Prefix", "CodeKey"}) if f"`{name}`" not in page] == []
