"""JumpStart's manifest and specifications, as they lie in its bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.jumpstart import find_jumpstart
from orchestrator.compiler.lock import Lock, LockedJumpstart, lock_bytes, parse_lock
from orchestrator.errors import InputError, NotFoundError, SpecError
from orchestrator.flow_lock import check_lock, jumpstart_names, lock_jumpstart, read_spec
from tests.aws.account import REGION

if TYPE_CHECKING:
    import boto3

    from orchestrator.aws.clients import Aws

MODEL = "acme-textgeneration-tiny"
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/huggingface-pytorch-training:2.0"
SPEC: dict[str, Any] = {
    "model_id": MODEL,
    "version": "2.10.0",
    "training_supported": True,
    "training_artifact_key": "acme-training/train-tiny.tar.gz",
    "training_script_key": "source/tiny/sourcedir.tar.gz",
    "default_training_instance_type": "ml.g5.2xlarge",
    "supported_training_instance_types": ["ml.g5.2xlarge", "ml.g5.12xlarge"],
    "hosting_eula_key": "fmhMetadata/eula/tiny.txt",
    "hyperparameters": [
        {"name": "epoch", "type": "int", "default": 5, "min": 1, "max": 1000},
        {
            "name": "instruction_tuned",
            "type": "text",
            "default": "False",
            "options": ["True", "False"],
        },
        {"name": "learning_rate", "type": "float", "default": 0.0001},
        {"name": "chat_template", "type": "text", "default": None},
    ],
    "training_instance_type_variants": {
        "regional_aliases": {REGION: {"gpu_ecr_uri_1": IMAGE}},
        "variants": {"g5": {"regional_properties": {"image_uri": "$gpu_ecr_uri_1"}}},
    },
}


@pytest.fixture
def publish(session: boto3.Session) -> Any:
    """Put specifications of JumpStart where it keeps them."""

    def put(**specs: dict[str, Any]) -> None:
        s3, bucket = session.client("s3"), f"jumpstart-cache-prod-{REGION}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        manifest = []
        for name, spec in specs.items():
            key = f"community_models/{MODEL}/{name}.json"
            manifest.append({"model_id": MODEL, "version": spec["version"], "spec_key": key})
            s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(spec).encode())
        body = json.dumps(manifest).encode()
        s3.put_object(Bucket=bucket, Key="models_manifest.json", Body=body)

    return put


def test_the_newest_version_is_found_with_all_that_trains_it(publish: Any, aws: Aws) -> None:
    publish(old={**SPEC, "version": "2.9.0"}, new=SPEC)
    found = find_jumpstart(MODEL, None, aws)
    bucket = f"s3://jumpstart-cache-prod-{REGION}"
    assert found.version == "2.10.0"
    assert found.training_image_uri == IMAGE
    assert found.training_artifact_uri == f"{bucket}/acme-training/train-tiny.tar.gz"
    assert found.script_uri == f"{bucket}/source/tiny/sourcedir.tar.gz"
    assert found.eula_uri == f"{bucket}/fmhMetadata/eula/tiny.txt"
    assert found.hyperparameters == {
        "epoch": "5", "instruction_tuned": "False", "learning_rate": "0.0001",
    }  # fmt: skip
    assert found.rules["epoch"] == {"type": "int", "min": 1, "max": 1000}
    assert found.rules["instruction_tuned"] == {"type": "text", "options": ("True", "False")}
    assert find_jumpstart(MODEL, "2.9.0", aws).version == "2.9.0"
    assert LockedJumpstart.model_validate(vars(found)).version == "2.10.0"


def test_weights_whose_terms_have_to_be_accepted_are_in_another_bucket(
    publish: Any, aws: Aws
) -> None:
    publish(new={**SPEC, "gated_bucket": True, "training_prepacked_script_key": "pre/s.tar.gz"})
    found = find_jumpstart(MODEL, None, aws)
    assert found.training_artifact_uri.startswith(f"s3://jumpstart-private-cache-prod-{REGION}/")
    assert found.script_uri == f"s3://jumpstart-cache-prod-{REGION}/pre/s.tar.gz"


@pytest.mark.parametrize(
    "variants",
    [
        {"aliases": {"a": IMAGE}, "variants": {"g5": {"properties": {"image_uri": "$a"}}}},
        {
            "regional_aliases": {REGION: {"a": "other", "b": IMAGE}},
            "variants": {
                "g5": {"regional_properties": {"image_uri": "$a"}},
                "ml.g5.2xlarge": {"regional_properties": {"image_uri": "$b"}},
            },
        },
    ],
    ids=["for its own region", "for the whole type"],
)
def test_the_image_is_that_of_the_instance(publish: Any, aws: Aws, variants: Any) -> None:
    publish(new={**SPEC, "training_instance_type_variants": variants})
    assert find_jumpstart(MODEL, None, aws).training_image_uri == IMAGE


def test_models_are_locked_and_all_that_are_wrong_are_told(publish: Any, aws: Aws) -> None:
    publish(old={**SPEC, "version": "2.9.0"}, new=SPEC)
    locked = lock_jumpstart([f"{MODEL}@2.9.0"], aws)
    assert locked[MODEL].version == "2.9.0"
    lock = Lock(jumpstart=locked)
    assert parse_lock(lock_bytes(lock).decode(), Path("x.lock.json")) == lock
    with pytest.raises(InputError) as caught:
        lock_jumpstart(["one", MODEL, "two"], aws)
    assert [problem.where for problem in caught.value.problems] == ["one", "two"]


@pytest.mark.parametrize(
    ("model", "version", "change", "told"),
    [
        (
            "acme-textgeneration-tiy",
            None,
            {},
            f"has no such model in this region. Did you mean {MODEL!r}?",
        ),
        (MODEL, "9.9.9", {}, "has no version '9.9.9' of this model. There are 2.10.0."),
        (MODEL, None, {"training_supported": False}, "JumpStart does not train this model. Choose"),
        (
            MODEL,
            None,
            {"training_instance_type_variants": None},
            "names no training image for ml.g5",
        ),
    ],
    ids=["misspelt", "no such version", "for inference only", "no image"],
)
def test_what_cannot_be_trained_is_said(
    publish: Any, aws: Aws, model: str, version: str | None, change: Any, told: str
) -> None:
    publish(new={**SPEC, **change})
    with pytest.raises(InputError) as caught:
        find_jumpstart(model, version, aws)
    assert told in str(caught.value)


def test_a_region_without_jumpstart_is_said(aws: Aws) -> None:
    with pytest.raises(NotFoundError, match=r"has no models_manifest\.json in eu-central-1"):
        find_jumpstart(MODEL, None, aws)


def test_the_models_of_a_spec_are_locked_and_then_as_the_spec_names_them(
    publish: Any, aws: Aws, tmp_path: Path
) -> None:
    publish(old={**SPEC, "version": "2.9.0"}, new=SPEC)
    path = tmp_path / "x.yaml"
    step = f"{{kind: jumpstart, model_id: {MODEL}, model_version: 2.9.0, data: ./rows.jsonl}}"
    path.write_text(f"name: x\nsteps:\n  tuned: {step}\n")
    specs = read_spec(path)
    assert jumpstart_names(specs) == (f"{MODEL}@2.9.0",)
    lock = Lock(jumpstart=lock_jumpstart(jumpstart_names(specs), aws))
    assert lock.jumpstart[MODEL].rules["epoch"].max == 1000
    check_lock(lock, specs, tmp_path / "x.lock.json")
    with pytest.raises(SpecError, match="it is not locked"):
        check_lock(Lock(), specs, tmp_path / "x.lock.json")
