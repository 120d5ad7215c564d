"""`fmo.yaml` through the command: environments, defaults, policy, and what differs between two."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.cli.conftest import Fmo

GOLDEN = Path(__file__).parents[2] / "golden" / "specs"
PROJECT = """\
environments:
  dev:
    region: us-east-1
    role_arn: arn:aws:iam::111111111111:role/fmo
    bucket: acme-dev
  prod:
    extends: dev
    region: eu-central-1
    role_arn: arn:aws:iam::222222222222:role/fmo
    bucket: acme-prod
    kms_key_id: alias/acme
    subnets: [subnet-0a1b2c3d]
    security_group_ids: [sg-0a1b2c3d]
    tags: {team: support}
    network_isolation: true
    defaults:
      dataset: {instance_type: ml.m5.4xlarge}
      processing: {volume_size_gb: 200}
"""
MAY_DIFFER = (
    r"Bucket|S3Uri|s3Uri|S3OutputPath|S3Path|ModelDataUrl|ModelDataSource",
    r"RoleArn|roleArn",
    r"KmsKeyId|VolumeKmsKeyId|customModelKmsKeyId|importedModelKmsKeyId|SecurityConfig|EnableInterContainerTrafficEncryption",
    r"NetworkConfig|VpcConfig|vpcConfig|EnableNetworkIsolation",
    r"Tags",
    r"ImageUri|TrainingImage|Image",
    r"InstanceType|VolumeSizeInGB",  # What the environment's own defaults declare.
)
ALLOWED = re.compile(rf"\.({'|'.join(MAY_DIFFER)})(\.|\[|$)")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from leaves(below, f"{path}[{index}]")
    else:
        yield path, value


def without_bucket(value: Any) -> Any:
    return (
        re.sub(r"s3://acme-(dev|prod)/", "s3://BUCKET/", value) if isinstance(value, str) else value
    )


def compiled(fmo: Fmo, spec: str, env: str) -> dict[str, Any]:
    ended = fmo("compile", spec, "--env", env)
    assert ended.code == 0, ended.stderr
    return dict(leaves(json.loads(ended.stdout)))


QUEUE = "callback_queue_url: https://sqs.us-east-1.amazonaws.com/111111111111/fmo"
ELSEWHERE = {
    "champion.yaml": "asks the registry, which network isolation forbids",
    "jumpstart.yaml": "is locked for one region",
}
SPECS = sorted(path.name for path in GOLDEN.glob("*.yaml") if path.name not in ELSEWHERE)


@pytest.mark.parametrize("spec", SPECS)
def test_two_environments_differ_only_in_what_they_say(fmo: Fmo, spec: str) -> None:
    shutil.copytree(GOLDEN, fmo.folder, dirs_exist_ok=True)
    project = PROJECT.replace("bucket: acme-dev", f"bucket: acme-dev\n    {QUEUE}")
    (fmo.folder / "fmo.yaml").write_text(project, encoding="utf-8")
    dev, prod = compiled(fmo, spec, "dev"), compiled(fmo, spec, "prod")
    differing = {
        path
        for path in dev.keys() | prod.keys()
        if without_bucket(dev.get(path)) != without_bucket(prod.get(path))
    }
    assert differing
    assert sorted(path for path in differing if not ALLOWED.search(path)) == []


def test_two_environments_with_the_same_values_give_the_same_bytes(fmo: Fmo) -> None:
    text = PROJECT + "  twin: {extends: prod}\n"
    (fmo.folder / "fmo.yaml").write_text(text, encoding="utf-8")
    prod, twin = (fmo("compile", "spec.yaml", "--env", env).stdout for env in ("prod", "twin"))
    assert prod == twin


def test_an_option_wins_over_the_environment(fmo: Fmo) -> None:
    (fmo.folder / "fmo.yaml").write_text(PROJECT, encoding="utf-8")
    text = fmo("compile", "spec.yaml", "--env", "prod", "--bucket", "mine").stdout
    assert "s3://mine/" in text
    assert "acme-prod" not in text
    assert "arn:aws:iam::222222222222:role/fmo" in text


def test_a_policy_is_enforced_for_aws_and_not_for_this_machine(fmo: Fmo) -> None:
    policy = "policy: {encryption_required: true, allowed_instance_types: [ml.m5.*]}\n"
    (fmo.folder / "fmo.yaml").write_text(PROJECT + policy, encoding="utf-8")
    assert fmo("validate", "spec.yaml").code == 0
    assert fmo("validate", "spec.yaml", "--env", "prod").code == 0
    for command in ("validate", "compile"):
        ended = fmo(command, "spec.yaml", "--env", "dev")
        assert ended.code == 2
        assert ended.stdout == ""
        assert (
            "fmo.yaml:2: environments.dev.kms_key_id: the policy requires encryption and "
            "environment 'dev' has no key. Add `kms_key_id:`." in ended.stderr
        )
    instance = "steps.count.instance_type=ml.p5.48xlarge"
    ended = fmo("validate", "spec.yaml", "--env", "prod", "--set", instance)
    assert "the policy does not allow 'ml.p5.48xlarge'" in ended.stderr


def test_a_secret_in_the_project_file_is_refused_and_not_shown(fmo: Fmo) -> None:
    token = "AKIA" + "Z" * 16
    text = f"environments:\n  dev:\n    tags: {{key: {token}}}\n"
    (fmo.folder / "fmo.yaml").write_text(text, encoding="utf-8")
    ended = fmo("plan", "spec.yaml")
    assert ended.code == 2
    assert (
        "fmo.yaml:3: environments.dev.tags.key: this looks like an AWS access key" in ended.stderr
    )
    assert token not in ended.stderr


def test_an_environment_without_a_project_file_is_refused(fmo: Fmo) -> None:
    (fmo.folder / "fmo.yaml").unlink()
    for command in ("validate", "plan", "compile"):
        ended = fmo(command, "spec.yaml", "--env", "prod")
        assert ended.code == 2
        assert "--env: there is no environment 'prod': no fmo.yaml beside the spec" in ended.stderr


def test_a_definition_takes_no_environment(fmo: Fmo) -> None:
    fmo("compile", "spec.yaml", "-o", "pipeline.json")
    ended = fmo("validate", "pipeline.json", "--env", "prod")
    assert ended.code == 2
    assert "--env changes a spec, and pipeline.json is a pipeline definition" in ended.stderr


def test_defaults_of_a_file_above_hold_on_this_machine_too(fmo: Fmo) -> None:
    inner = fmo.folder / "team"
    inner.mkdir()
    for name in ("spec.yaml", "count.py", "again.py", "words"):
        (fmo.folder / name).rename(inner / name)
    text = "defaults: {processing: {environment: {TEAM: support}}}\n"
    (fmo.folder / "fmo.yaml").write_text(text, encoding="utf-8")
    document = json.loads(fmo("compile", "team/spec.yaml").stdout)
    assert ".Environment.TEAM" in "".join(path for path, _ in leaves(document))


def test_config_as_json_says_layer_file_and_line(fmo: Fmo) -> None:
    (fmo.folder / "fmo.yaml").write_text(PROJECT, encoding="utf-8")
    document = fmo("config", "show", "spec.yaml", "count", "--env", "prod", "--json").document
    fields = {field.pop("field"): field for field in document["fields"]}
    assert fields["volume_size_gb"] == {
        "value": 200,
        "layer": "environments.prod.defaults",
        "file": "fmo.yaml",
        "line": 18,
    }
    assert fields["script"]["layer"] == "spec"
    assert fields["retries"] == {
        "value": 2, "layer": "built-in default", "file": None, "line": None,
    }  # fmt: skip
    ended = fmo("config", "show", "spec.yaml", "cuont")
    assert (ended.code, "there is no step 'cuont'. Did you mean 'count'?" in ended.stderr) == (
        2,
        True,
    )
