"""What an account must have before anything runs: all that is missing is told at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.needs import needs_of
from orchestrator.aws.preflight import Flight, account_is_ready
from orchestrator.aws.refusals import PERMISSIONS
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import AwsError, PreflightError
from tests.aws.account import BUCKET, ROLE
from tests.aws.faults import KINDS
from tests.aws.pipeline import DEFINITION
from tests.aws.strict_account import deny, quotas

if TYPE_CHECKING:
    import boto3

    from orchestrator.aws.clients import Aws
    from tests.aws.faults import Faults

ACCOUNT = "123456789012"
PAGE = Path(__file__).parents[2] / "docs" / "commands" / "deploy.md"
OWN = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/tools"


def with_changes(**changes: Any) -> bytes:
    """Return the pipeline, with members of the training job's arguments changed."""
    changed = copy.deepcopy(DEFINITION)
    steps: Any = changed["Steps"]
    steps[1]["Arguments"]["IfSteps"][0]["Arguments"] |= changes
    return json.dumps(changed).encode()


def resources(kind: str, count: int = 1) -> dict[str, Any]:
    return {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 30}


def channel(uri: Any) -> list[dict[str, Any]]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    return [{"ChannelName": "data", "DataSource": source}]


def check(aws: Aws, definition: bytes, **flight: Any) -> tuple[str, ...]:
    return account_is_ready(Flight(definition, ROLE, BUCKET, **flight), ACCOUNT, aws)


def problems(aws: Aws, definition: bytes, **flight: Any) -> list[str]:
    with pytest.raises(PreflightError) as caught:
        check(aws, definition, **flight)
    return str(caught.value).splitlines()


def test_an_account_that_has_everything_is_ready(aws: Aws) -> None:
    assert check(aws, with_changes()) == ("not checked: image image, which is not in ECR",)


def test_a_quota_that_is_too_small_comes_with_the_command_that_asks_for_more(aws: Aws) -> None:
    code = next(
        one["QuotaCode"]
        for one in quotas()
        if one["QuotaName"] == "ml.p5.48xlarge for training job usage"
    )
    assert problems(aws, with_changes(ResourceConfig=resources("ml.p5.48xlarge", 2))) == [
        "steps.sft.instance_type: the quota 'ml.p5.48xlarge for training job usage' is 0, and the "
        "job needs 2. Ask for more: aws service-quotas request-service-quota-increase "
        f"--service-code sagemaker --quota-code {code} --desired-value 2 --region eu-central-1."
    ]


def test_spot_has_a_quota_of_its_own(aws: Aws) -> None:
    changed = with_changes(
        ResourceConfig=resources("ml.p5.48xlarge"),
        EnableManagedSpotTraining=True,
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints"},
    )
    (told,) = problems(aws, changed)
    assert "the quota 'ml.p5.48xlarge for spot training job usage' is 0, and" in told


@pytest.mark.parametrize("kind", ["ml.g5.2xlarge", "ml.g5.4xlarge"])
def test_a_quota_that_nobody_ever_raised_is_found_among_the_defaults(aws: Aws, kind: str) -> None:
    check(aws, with_changes(ResourceConfig=resources(kind, 4)))
    assert (
        "is 4, and the job needs 5"
        in problems(aws, with_changes(ResourceConfig=resources(kind, 5)))[0]
    )


def test_an_instance_that_the_region_does_not_offer_is_named(aws: Aws) -> None:
    assert problems(aws, with_changes(ResourceConfig=resources("ml.p5e.48xlarge"))) == [
        "steps.sft.instance_type: ml.p5e.48xlarge is not offered in eu-central-1 for training job "
        "usage. Choose another instance type, or another region."
    ]


def test_of_preferred_instances_one_with_a_quota_is_enough(aws: Aws) -> None:
    preferred = [{"InstanceType": one} for one in ("ml.p5.48xlarge", "ml.g5.48xlarge")]
    check(aws, with_changes(ResourceConfig={"InstancePreferences": preferred, "VolumeSizeInGB": 9}))


def test_what_the_role_may_not_do_is_named_with_its_resource(aws: Aws) -> None:
    deny("s3:PutObject")
    deny("sagemaker:CreateTrainingJob")
    job = f"arn:aws:sagemaker:{aws.region}:123456789012:training-job/pipelines-any"
    assert problems(aws, with_changes()) == [
        f"role_arn: {ROLE} is not allowed s3:PutObject on arn:aws:s3:::{BUCKET}/fmo/*. "
        "Add it to a policy of the role.",
        f"role_arn: {ROLE} is not allowed sagemaker:CreateTrainingJob on {job}. "
        "Add it to a policy of the role.",
    ]


def test_a_role_that_is_not_there_is_named_once(aws: Aws) -> None:
    gone = "arn:aws:iam::123456789012:role/gone"
    with pytest.raises(PreflightError) as caught:
        account_is_ready(Flight(with_changes(), gone, BUCKET), ACCOUNT, aws)
    assert str(caught.value) == (
        f"role_arn: there is no role {gone}. Make it, or correct `role_arn` of the environment."
    )


def test_an_image_of_ones_own_registry_has_to_be_there(aws: Aws, session: boto3.Session) -> None:
    algorithm = {"TrainingImage": f"{OWN}:1", "TrainingInputMode": "File"}
    changed = with_changes(AlgorithmSpecification=algorithm)
    told = f"steps.sft.image_uri: there is no image {OWN}:1. Push it, or correct its name."
    assert problems(aws, changed) == [told]
    ecr = session.client("ecr")
    ecr.create_repository(repositoryName="tools")
    assert problems(aws, changed) == [told]
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": []})
    ecr.put_image(repositoryName="tools", imageTag="1", imageManifest=manifest)
    check(aws, changed)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("763104351884.dkr.ecr.eu-central-1.amazonaws.com/x:1", "1 image of AWS, by the catalogue"),
        (f"{OWN}:1".replace(ACCOUNT, "999999999999"), "tools:1 of account 999999999999"),
        (f"{OWN}:1".replace("eu-central", "us-east"), "tools:1, which is in us-east-1"),
    ],
    ids=["AWS's", "of another account", "in another region"],
)
def test_an_image_that_cannot_be_looked_up_is_said_not_to_be_checked(
    aws: Aws, image: str, said: str
) -> None:
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    notes = check(aws, with_changes(AlgorithmSpecification=algorithm))
    assert [note for note in notes if note.startswith("not checked: ") and said in note]


def test_data_that_are_not_there_are_named_unless_they_arrive(aws: Aws) -> None:
    uri = f"s3://{BUCKET}/rows/"
    changed = with_changes(InputDataConfig=channel(uri))
    told = f"sft.data: there is nothing at {uri}. Put the data there first."
    assert problems(aws, changed) == [told]
    check(aws, changed, arriving=[uri])
    aws.put(BUCKET, "rows/a.jsonl", b"{}")
    check(aws, changed)
    assert problems(aws, with_changes(InputDataConfig=channel("s3://gone-bucket/x"))) == [
        "sft.data: there is no bucket 'gone-bucket'. Correct the address."
    ]


def test_spot_without_checkpoints_is_refused(aws: Aws) -> None:
    assert problems(aws, with_changes(EnableManagedSpotTraining=True)) == [
        "steps.sft: it runs on spot instances and keeps no checkpoints, so an interruption loses "
        "all. Add CheckpointConfig, or leave EnableManagedSpotTraining out."
    ]


def test_everything_that_is_missing_is_told_at_once(aws: Aws) -> None:
    deny("s3:ListBucket")
    changed = with_changes(
        EnableManagedSpotTraining=True,
        ResourceConfig=resources("ml.p5e.48xlarge"),
        AlgorithmSpecification={"TrainingImage": f"{OWN}:1", "TrainingInputMode": "File"},
        InputDataConfig=channel(f"s3://{BUCKET}/rows/"),
    )
    places = [line.partition(": ")[0] for line in problems(aws, changed)]
    assert places == [
        "steps.sft", "role_arn", "steps.sft.instance_type", "steps.sft.image_uri", "sft.data",
    ]  # fmt: skip


def test_parameters_of_the_execution_win_over_defaults() -> None:
    document = copy.deepcopy(DEFINITION)
    parameters: Any = document["Parameters"]
    parameters += [
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
        {"Name": "Rows", "Type": "String"},
    ]
    steps: Any = document["Steps"]
    arguments = steps[1]["Arguments"]["IfSteps"][0]["Arguments"]
    arguments["ResourceConfig"]["InstanceCount"] = {"Get": "Parameters.Count"}
    arguments["InputDataConfig"] = channel({"Get": "Parameters.Rows"})
    definition = parse_definition(json.dumps(document).encode())
    assert needs_of(definition, {}).data == {}
    needs = needs_of(definition, {"Count": "3", "Rows": "s3://acme/rows/"})
    assert needs.data == {"s3://acme/rows/": "sft.data"}
    assert needs.instances[1].count == 3


CHECKS = {
    "iam.SimulatePrincipalPolicy": "could not check the role: iam:SimulatePrincipalPolicy",
    "service-quotas.ListServiceQuotas": "could not check the quotas: service-quotas:ListServiceQ",
    "s3.ListObjectsV2": "could not check the data: s3:ListObjectsV2",
}


def test_a_check_that_is_denied_is_said_and_stops_nothing(aws: Aws, faults: Faults) -> None:
    aws.put(BUCKET, "rows/a.jsonl", b"{}")
    changed = with_changes(InputDataConfig=channel(f"s3://{BUCKET}/rows/"))
    check(aws, changed)
    for name, said in CHECKS.items():
        faults.set("none", 0)
        check(aws, changed)
        faults.set("denied", faults.calls.index(name) + 1, times=99)
        notes = check(aws, changed)
        assert [note for note in notes if note.startswith(said)], name


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"denied"}))
def test_a_fault_at_any_call_is_one_clear_error(aws: Aws, faults: Faults, kind: str) -> None:
    faults.set(kind, 0)
    check(aws, with_changes())
    for at in range(1, len(faults.calls) + 1):
        faults.set(kind, at)
        with pytest.raises(AwsError) as caught:
            check(aws, with_changes())
        assert caught.value.code in {"FMO410", "FMO430", "FMO440"}


def test_the_page_lists_every_permission_that_the_preflight_needs(aws: Aws, faults: Faults) -> None:
    algorithm = {"TrainingImage": f"{OWN}:1", "TrainingInputMode": "File"}
    changed = with_changes(
        AlgorithmSpecification=algorithm,
        InputDataConfig=channel(f"s3://{BUCKET}/rows/"),
        ResourceConfig=resources("ml.p5e.48xlarge"),
    )
    with pytest.raises(PreflightError):
        check(aws, changed)
    actions = {PERMISSIONS.get(call.replace(".", ":"), call) for call in faults.calls}
    assert len(actions) == 5
    listed = PAGE.read_text(encoding="utf-8").partition("## Permissions")[2]
    names = [action.replace(":", ".").partition(".")[2] for action in sorted(actions)]
    assert [name for name in names if f"{name}`" not in listed] == []
