"""Roles may do what the code does and nothing else: neither side grows alone."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name

from orchestrator.aws.checks import asked_of_role
from orchestrator.aws.needs import needs_of
from orchestrator.aws.policy import STEP_TYPES, Place, policy_of
from orchestrator.compiler.triggers import trigger_names
from orchestrator.definition.model import Step
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.registry import GROUP_VARIABLE
from orchestrator.definition.secrets import PREFIX, SecretPlace
from orchestrator.errors import UnsupportedError
from tests.aws.test_infra_templates import resources, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.definition.model import Definition

ROOT = Path(__file__).parents[2]
BRIDGE = ROOT / "orchestrator" / "bridge"
GOLDEN = ROOT / "tests" / "golden" / "expected"
PLACE = Place("eu-central-1", "acme-models", "arn:aws:iam::222222222222:role/fmo-execution")
IMPLIED = {
    "bedrock:TagResource": "the tags in a request, when Bedrock makes job and model",
    "iam:PassRole": "the roleArn in a request to Bedrock",
    "kms:Decrypt": "queue, table and settings of the functions are encrypted",
    "kms:DescribeKey": "the table is encrypted",
    "kms:GenerateDataKey": "the table is encrypted",
    "logs:CreateLogStream": "Lambda writes the functions' logs",
    "logs:PutLogEvents": "Lambda writes the functions' logs",
    "sqs:ChangeMessageVisibility": "Lambda reads the queue for the function",
    "sqs:DeleteMessage": "Lambda reads the queue for the function",
    "sqs:GetQueueAttributes": "Lambda reads the queue for the function",
    "sqs:ReceiveMessage": "Lambda reads the queue for the function",
}
"""What the functions need without calling it themselves, and for what."""


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def called(node: ast.AST) -> Iterator[str]:
    """Yield the names of methods that are taken of `self.client`."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and ast.unparse(one.value) == "self.client":
            yield one.attr


def clients_by_class() -> dict[str, str]:
    """Return class to service, as `lambdas.py` makes them: `Glue(_client("glue", ONCE))`."""
    found: dict[str, str] = {}
    for call in ast.walk(tree(BRIDGE / "lambdas.py")):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        first = call.args[0]
        if isinstance(first, ast.Call) and ast.unparse(first.func) == "_client":
            [service] = [one.value for one in first.args if isinstance(one, ast.Constant)]
            found[ast.unparse(call.func)] = str(service)
    return found


def calls_of_the_bridge() -> set[str]:
    """Return `service:Operation` of every call in `orchestrator/bridge`."""
    by_class = clients_by_class()
    found: set[str] = set()
    for file in BRIDGE.rglob("*.py"):
        for node in tree(file).body:
            if isinstance(node, ast.ClassDef):
                names = set(called(node))
                assert not names or node.name in by_class, node.name
                service = by_class.get(node.name, "")
                found |= {f"{service}:{operations(service)[name]}" for name in names}
    return found


def operations(service: str) -> dict[str, str]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def actions(part: str) -> set[str]:
    return {action for one in statements(part) for action in one["Action"]}


def test_the_page_lists_what_whoever_deploys_asks_of_cloudformation() -> None:
    made = {
        str(call.args[1].value)
        for call in ast.walk(tree(ROOT / "orchestrator" / "aws" / "stacks.py"))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"aws.call", "aws.pages"}
        and isinstance(call.args[1], ast.Constant)
    }  # fmt: skip
    page = (ROOT / "docs" / "commands" / "infra.md").read_text(encoding="utf-8")
    listed = page.partition("Of whoever deploys: ")[2].partition("; `s3:")[0]
    assert made == set(re.findall(r"`(?:cloudformation:)?(\w+)`", listed))


def test_the_bridge_may_do_what_it_does_and_nothing_else() -> None:
    made, allowed = calls_of_the_bridge(), actions("bridge")
    assert {"glue:StartJobRun", "dynamodb:PutItem"} <= made
    assert made - allowed == set(), "calls that no role allows"
    assert allowed - made == set(IMPLIED), "actions that nothing calls"


def test_the_starter_may_do_what_it_does_and_nothing_else() -> None:
    used = {
        one.attr for one in ast.walk(tree(BRIDGE / "starter.py"))
        if isinstance(one, ast.Attribute) and ast.unparse(one.value) == "sagemaker"
    }  # fmt: skip
    made = {f"sagemaker:{operations('sagemaker')[name]}" for name in used}
    [policy] = resources("schedules")["StarterRole"]["Properties"]["Policies"]
    allowed = {action for one in policy["PolicyDocument"]["Statement"] for action in one["Action"]}
    assert made == {"sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"}
    assert allowed - made == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert made - allowed == set()


def test_only_the_rules_of_schedules_and_the_role_of_scheduler_call_the_starter() -> None:
    told = resources("schedules")
    rules = told["RulesCallStarter"]["Properties"]
    assert rules["Principal"] == "events.amazonaws.com"
    pattern = rules["SourceArn"]["Fn::Sub"].rpartition(":")[2]
    assert fnmatchcase(f"rule/{trigger_names('words').new_data}", pattern)
    assert fnmatchcase(f"rule/{trigger_names('w' * 90).new_data}", pattern)
    calls = [one for one in statements("schedules") if "lambda:InvokeFunction" in one["Action"]]
    assert [one["Resource"] for one in calls] == [{"Fn::GetAtt": ["StarterFunction", "Arn"]}]


@pytest.mark.parametrize(
    ("role", "own"),
    [("Start", "dynamodb:PutItem"), ("Complete", "dynamodb:Query"), ("Sweep", "dynamodb:Query")],
)
def test_each_function_alone_may_do_what_only_it_does(role: str, own: str) -> None:
    [policy] = resources("bridge")[f"{role}Role"]["Properties"]["Policies"]
    mine = {action for one in policy["PolicyDocument"]["Statement"] for action in one["Action"]}
    assert mine - set(IMPLIED) == {own}


def test_the_role_knows_every_step_type_that_is_compiled() -> None:
    compiled = {
        keyword.value.value
        for file in (ROOT / "orchestrator" / "compiler").rglob("*.py")
        for call in ast.walk(tree(file))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Step"
        for keyword in call.keywords
        if keyword.arg == "type" and isinstance(keyword.value, ast.Constant)
    }
    assert compiled - set(STEP_TYPES) == set(), "say in policy.py what their role needs"
    # Steps of other services: written in Python or by hand, carried by the bridge.
    assert set(STEP_TYPES) - compiled <= {"Callback"}


def test_jobs_may_call_what_their_scripts_call() -> None:
    """Jobs have no boto3 but for secrets and the registry (import contracts)."""
    made: set[str] = set()
    for file in sorted((ROOT / "training_scripts").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for service in re.findall(r"boto3\.client\(\s*\"([a-z0-9-]+)\"", text):
            known = operations(service)
            used = {one.attr for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Attribute)}
            made |= {f"{service}:{known[name]}" for name in used & set(known)}
    told = sids(resources("roles")[name]["Properties"]["PolicyDocument"]["Statement"]
                for name in ("ExecutionPolicy", "SecretsPolicy"))  # fmt: skip
    allowed = {*told["ReadSecrets"]["Action"], *told["FindApproved"]["Action"]}
    assert made == allowed
    assert made == {
        "secretsmanager:GetSecretValue",
        "sagemaker:DescribeModelPackage",
        "sagemaker:ListModelPackages",
    }


def everything() -> Definition:
    """Return a definition that has a step of each type, a network, a key and a secret."""
    definition = parse_definition((GOLDEN / "support_sft.prod.json").read_bytes())
    place = SecretPlace("acme/tickets", "token").to_text()
    callback = Step(
        "tune", "Callback", {"service": "bedrock"},
        extra={"SqsQueueUrl": "https://sqs.eu-central-1.amazonaws.com/222222222222/fmo-callbacks"},
    )  # fmt: skip
    secret = Step("pull", "Processing", {"Environment": {f"{PREFIX}TOKEN": place}})
    approved = Step("approved", "Processing", {"Environment": {GROUP_VARIABLE: "support"}})
    return replace(definition, steps=(*definition.steps, callback, secret, approved))


def test_the_policy_of_a_spec_says_what_the_role_of_the_template_may() -> None:
    ours = sids(policy_of(everything(), PLACE)["Statement"])
    template = sids(resources("roles")[name]["Properties"]["PolicyDocument"]["Statement"]
                    for name in ("ExecutionPolicy", "OtherBucketsPolicy", "SecretsPolicy",
                                 "VpcPolicy"))  # fmt: skip
    assert {sid: one["Action"] for sid, one in ours.items()} == {
        sid: one["Action"] for sid, one in template.items()
    }
    given = {sid for sid, one in template.items() if "Condition" in one}
    assert given <= {sid for sid, one in ours.items() if "Condition" in one}


def sids(statements: Any) -> dict[str, dict[str, Any]]:
    flat = [one for part in statements for one in (part if isinstance(part, list) else [part])]
    return {one["Sid"]: one for one in flat}


def test_the_role_of_the_template_covers_every_resource_of_the_policy() -> None:
    template = sids(
        resources("roles")["ExecutionPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    )
    for sid, one in sids(policy_of(everything(), PLACE)["Statement"]).items():
        if sid in template and sid not in {"Encrypt", "EncryptVolumes", "PassItselfToJobs"}:
            told = template[sid]["Resource"]
            patterns = [settled(part) for part in (told if isinstance(told, list) else [told])]
            for resource in one["Resource"]:
                assert any(fnmatchcase(resource, pattern) for pattern in patterns), (sid, resource)


def test_the_preflight_finds_that_the_role_of_the_template_may_do_everything() -> None:
    needs = needs_of(parse_definition((GOLDEN / "support_sft.prod.json").read_bytes()), {})
    role, key = f"arn:aws:iam::{PLACE.account}:role/fmo-execution", "arn:aws:kms:x:1:key/1"
    asked = asked_of_role(role, PLACE.bucket, key, needs, PLACE.region)
    assert {arn.split(":")[2] for arn in asked} == {"s3", "iam", "logs", "sagemaker", "kms"}
    policy = resources("roles")["ExecutionPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    given = {"{'Fn::GetAtt': ['ExecutionRole', 'Arn']}": role, "{'Ref': 'KmsKeyArn'}": key}
    for resource, actions in asked.items():
        for action in actions:
            told = [one["Resource"] for one in policy if action in one["Action"]]
            flat = [it for one in told for it in (one if isinstance(one, list) else [one])]
            patterns = [given.get(str(it)) or settled(it) for it in flat]
            assert any(fnmatchcase(resource, pattern) for pattern in patterns), (action, resource)


def settled(resource: Any) -> str:
    """Return a resource of the template as it is in the account of the tests."""
    if isinstance(resource, str):
        return resource
    values = {
        "AWS::Partition": "aws", "AWS::Region": PLACE.region, "AWS::AccountId": PLACE.account,
        "BucketName": PLACE.bucket, "Prefix": "fmo",
    }  # fmt: skip
    return re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], resource["Fn::Sub"])


def test_a_spec_needs_no_more_than_its_steps() -> None:
    definition = parse_definition((GOLDEN / "processing.local.json").read_bytes())
    place = replace_bucket("fmo-local")
    found = sids(policy_of(definition, place)["Statement"])
    absent = {
        "FindApproved",
        "RunTraining",
        "RegisterModels",
        "CallBack",
        "ReadSecrets",
        "ConnectToVpc",
        "Encrypt",
    }
    assert not absent & set(found)
    assert "RunProcessing" in found
    [image] = found["PullImages"]["Resource"]
    assert re.fullmatch(r"arn:aws:ecr:[a-z0-9-]+:\d{12}:repository/[\w/-]+", image)


def replace_bucket(bucket: str) -> Place:
    return Place(PLACE.region, bucket, PLACE.role_arn)


def test_other_buckets_are_read_and_no_more() -> None:
    definition = parse_definition(
        b'{"Version": "2020-12-01", "Parameters": [{"Name": "Tickets", "Type": "String", '
        b'"DefaultValue": "s3://lake/tickets/"}], "Steps": []}'
    )
    found = sids(policy_of(definition, PLACE)["Statement"])
    assert found["ReadOthers"]["Resource"] == ["arn:aws:s3:::lake/*"]
    assert found["ReadOthers"]["Action"] == ["s3:GetObject"]


def test_an_alias_of_a_key_is_a_condition() -> None:
    data = (GOLDEN / "support_sft.prod.json").read_bytes()
    definition = parse_definition(re.sub(rb"arn:aws:kms:[^\"]+", b"alias/acme", data))
    statement = sids(policy_of(definition, PLACE)["Statement"])["Encrypt"]
    assert statement["Resource"] == ["arn:aws:kms:eu-central-1:222222222222:key/*"]
    aliases = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/acme"]}}
    assert statement["Condition"] == aliases


def test_a_step_of_a_type_that_is_not_known_is_named() -> None:
    definition = parse_definition(b'{"Version": "2020-12-01", "Steps": []}')
    strange = replace(definition, steps=(Step("spark", "EMR"),))
    expected = r"^step spark: what steps of type 'EMR' need is not known\. See the page of its "
    with pytest.raises(UnsupportedError, match=expected):
        policy_of(strange, PLACE)
