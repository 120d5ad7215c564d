"""What of a definition an environment decides, and what it must not touch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.compiler.environment import Environment

WHOLE = """
parameters:
  Rows: {type: S3Uri, default: s3://lake/rows/, local: ./rows}
  Steps: {type: Integer, default: 500, local: 5}
  Ready: {type: Boolean, default: true}
  Rate: {type: Float, default: 1}
  Size: {type: String, default: small, enum: [small, large]}
  Must: {type: String}
steps:
  clean:
    kind: processing
    script: ./clean.py
    inputs: {rows: $params.Rows}
    outputs: {kept: jsonl}
    arguments: {ready: $params.Ready, size: $params.Size, must: $params.Must}
  split: {kind: dataset, data: $clean.kept}
  sft:
    kind: train
    objective: sft
    model_name_or_path: ./base
    data: $split
    max_steps: $params.Steps
    learning_rate: $params.Rate
    instance_type: ml.c5.9xlarge
  gpu: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
  exam: {kind: evaluate, model: $sft.model, data: $split.test, gates: {max: {loss: 4}}}
  publish: {kind: register, model: $exam.model, model_package_group_name: support}
"""
MAY_DIFFER = {
    "KmsKeyId",
    "VolumeKmsKeyId",
    "SecurityConfig",
    "VpcConfig",
    "NetworkConfig",
    "EnableNetworkIsolation",
    "Tags",
    "RoleArn",
    "ImageUri",
    "TrainingImage",
    "Image",
}


def flat(value: Any, environment: Environment, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of what must be equal: bucket names and `MAY_DIFFER` aside."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in MAY_DIFFER:
                yield from flat(member, environment, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flat(item, environment, f"{path}[{index}]")
    else:
        text = value.replace(environment.bucket, "BUCKET") if isinstance(value, str) else value
        yield path, text


def found_under(value: Any, name: str) -> list[Any]:
    """Return every value of a member called `name`, however deep."""
    if isinstance(value, list):
        return [found for item in value for found in found_under(item, name)]
    if not isinstance(value, dict):
        return []
    deeper = [found for member in value.values() for found in found_under(member, name)]
    return [*([value[name]] if name in value else []), *deeper]


def test_two_environments_differ_only_where_they_may(project: Any, prod: Environment) -> None:
    dev = replace(prod, name="dev", bucket="acme-dev", region="us-west-2", kms_key_id=None)
    dev = replace(dev, subnets=(), security_group_ids=(), tags={}, network_isolation=False)
    one = json.loads(project.compile(WHOLE, prod).json)
    two = json.loads(project.compile(WHOLE, dev).json)
    assert one != two
    assert dict(flat(one, prod)) == dict(flat(two, dev))


def test_images_come_from_the_environments_region(project: Any, prod: Environment) -> None:
    definition = json.loads(project.compile(WHOLE, prod).json)
    images = found_under(definition, "TrainingImage") + found_under(definition, "ImageUri")
    assert len(images) == 5
    assert all(".dkr.ecr.eu-central-1.amazonaws.com/" in image for image in images)


def test_everything_stored_is_encrypted_with_the_environments_key(
    project: Any, prod: Environment, arguments_of: Any
) -> None:
    compiled = project.compile(WHOLE, prod)
    assert arguments_of(compiled, "clean")["ProcessingOutputConfig"]["KmsKeyId"] == prod.kms_key_id
    assert arguments_of(compiled, "sft")["OutputDataConfig"]["KmsKeyId"] == prod.kms_key_id
    assert arguments_of(compiled, "sft")["ResourceConfig"]["VolumeKmsKeyId"] == prod.kms_key_id


def test_no_volume_key_is_given_to_an_instance_that_refuses_one(
    project: Any, prod: Environment, arguments_of: Any
) -> None:
    compiled = project.compile(WHOLE, prod)
    assert "VolumeKmsKeyId" not in arguments_of(compiled, "gpu")["ResourceConfig"]


def test_every_job_joins_the_network_and_bears_the_tags(
    project: Any, prod: Environment, arguments_of: Any
) -> None:
    compiled = project.compile(WHOLE, prod)
    vpc = {"SecurityGroupIds": ["sg-0a"], "Subnets": ["subnet-0a", "subnet-0b"]}
    tags = [{"Key": "cost-center", "Value": "42"}, {"Key": "team", "Value": "nlp"}]
    for step in ("clean", "split", "exam"):
        found = arguments_of(compiled, step)
        assert found["NetworkConfig"] == {"EnableNetworkIsolation": True, "VpcConfig": vpc}
        assert found["Tags"] == tags
    sft = arguments_of(compiled, "sft")
    assert (sft["VpcConfig"], sft["EnableNetworkIsolation"], sft["Tags"]) == (vpc, True, tags)


def test_a_laptop_starts_from_the_local_defaults(project: Any, prod: Environment) -> None:
    local = {p.name: p.default for p in project.compile(WHOLE).definition.parameters}
    assert local["Steps"] == 5
    assert local["Rows"].startswith("s3://fmo-local/fmo/assets/data/")
    there = {p.name: p.default for p in project.compile(WHOLE, prod).definition.parameters}
    assert there["Steps"] == 500
    assert there["Rows"] == "s3://lake/rows/"


def test_parameters_keep_their_type_and_choices(project: Any) -> None:
    found = {p["Name"]: p for p in json.loads(project.compile(WHOLE).json)["Parameters"]}
    assert {name: parameter["Type"] for name, parameter in found.items()} == {
        "Rows": "String",
        "Steps": "Integer",
        "Ready": "Boolean",
        "Rate": "Float",
        "Size": "String",
        "Must": "String",
        "Smoke": "Boolean",
        "SmokeRows": "Integer",
        "SmokeSteps": "Integer",
    }
    assert found["Size"]["EnumValues"] == ["small", "large"]
    assert found["Rate"]["DefaultValue"] == 1.0
    assert isinstance(found["Rate"]["DefaultValue"], float)
    assert found["Ready"]["DefaultValue"] is True
    assert "DefaultValue" not in found["Must"]


def test_local_data_is_an_asset_of_the_definition(project: Any, arguments_of: Any) -> None:
    compiled = project.compile(WHOLE)
    channel = arguments_of(compiled, "sft")["InputDataConfig"][2]
    uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
    (asset,) = (asset for asset in compiled.assets if asset.uri == uri)
    names = ("config.json", "model.safetensors", "tokenizer.json")
    assert asset.files == {name: project.folder / "base" / name for name in names}


def test_samples_for_a_laptop_stay_out_of_other_buckets(project: Any, prod: Environment) -> None:
    text = WHOLE.replace("model_name_or_path: ./base", "model_name_or_path: s3://models/base/")
    there = [asset.uri for asset in project.compile(text, prod).assets]
    assert not any("/assets/data/" in uri for uri in there)
    assert any("/assets/data/" in asset.uri for asset in project.compile(text).assets)


def test_a_sample_for_a_laptop_need_not_exist_to_compile_for_aws(
    project: Any, prod: Environment
) -> None:
    text = WHOLE.replace("local: ./rows", "local: ./nowhere")
    project.compile(text, prod)
    with pytest.raises(SpecError, match=r"parameters\.Rows\.local: there is no file or folder"):
        project.compile(text)
