"""Steps of kind `jumpstart`: held to the lock, and a request that SageMaker takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.lock import Lock, LockedJumpstart, LockFile, pinned, stale
from orchestrator.compiler.lock_jumpstart import jumpstart_models, warn_of_stand_ins
from orchestrator.compiler.sources import gather_sources
from orchestrator.errors import SpecError
from orchestrator.spec.findings import Findings

BUCKET = "s3://jumpstart-cache-prod-eu-central-1"
LOCKED = LockedJumpstart.model_validate(
    {
        "version": "2.10.0",
        "region": "eu-central-1",
        "training_image_uri": "763104351884.dkr.ecr.eu-central-1.amazonaws.com/tiny:2.0",
        "training_artifact_uri": f"{BUCKET}/acme-training/tiny.tar.gz",
        "script_uri": f"{BUCKET}/source/tiny/sourcedir.tar.gz",
        "hyperparameters": {"epoch": "5", "instruction_tuned": "False", "int8": "True"},
        "rules": {
            "epoch": {"type": "int", "min": 1, "max": 1000},
            "learning_rate": {"type": "float", "min": 0},
            "int8": {"type": "text", "options": ["True", "False"]},
            "packed": {"type": "bool"},
            "chat_template": {"type": "text"},
        },
        "instance_type": "ml.g5.12xlarge",
        "supported_instance_types": ["ml.g5.12xlarge"],
        "eula_uri": f"{BUCKET}/eula/tiny.txt",
    }
)
LOCK = LockFile(Path("spec.lock.json"), Lock(jumpstart={"acme-tiny": LOCKED}))
SPEC = """
steps:
  tuned: {{kind: jumpstart, model_id: acme-tiny, data: ./rows, {more}}}
"""
ACCEPTED = "accept_eula: true"


def compiled(project: Any, environment: Any, more: str, lock: LockFile | None = LOCK) -> Any:
    """Return what a spec compiles to with a lock."""
    plan = project.plan(SPEC.format(more=more))
    findings = Findings(None, {})
    plan = pinned(plan, lock, findings)
    findings.raise_problems()
    sources = gather_sources(plan, project.folder, environment, library=project.scripts)
    return compile_plan(plan, environment, sources)


def refused(project: Any, environment: Any, more: str, lock: LockFile | None = LOCK) -> list[str]:
    with pytest.raises(SpecError) as error:
        compiled(project, environment, more, lock)
    return [f"{it.where}: {it.what}. {it.fix}" for it in error.value.problems]


def resolved(value: Any) -> Any:
    """Return `value` with a text in place of each expression."""
    if isinstance(value, dict):
        if set(value) & {"Get", "Std:Join"}:
            return "s3://bucket/key"
        return {name: resolved(item) for name, item in value.items()}
    return [resolved(item) for item in value] if isinstance(value, list) else value


def test_a_request_is_one_that_sagemaker_takes(project: Any, prod: Any, arguments_of: Any) -> None:
    more = f"{ACCEPTED}, hyperparameters: {{epoch: 2, int8: false}}, local_model: ./base"
    found = arguments_of(compiled(project, prod, more), "tuned")
    assert found["AlgorithmSpecification"]["TrainingImage"] == LOCKED.training_image_uri
    uris = {
        one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"]
        for one in found["InputDataConfig"]
    }
    assert uris == {
        "training": {
            "Get": "Steps.tuned-data.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"
        },
        "model": LOCKED.training_artifact_uri,
        "code": LOCKED.script_uri,
    }
    assert found["HyperParameters"] == {
        "epoch": "2",
        "instruction_tuned": "True",
        "int8": "False",
        "sagemaker_container_log_level": "20",
        "sagemaker_program": "transfer_learning.py",
        "sagemaker_region": "eu-central-1",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    }
    assert found["Environment"] == {"accept_eula": "true"}
    assert found["ResourceConfig"]["InstanceType"] == "ml.g5.12xlarge"
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    client = boto3.client("sagemaker", region_name="us-east-1", **keys)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"
    with Stubber(client) as stub:
        stub.add_response("create_training_job", {"TrainingJobArn": arn})
        client.create_training_job(TrainingJobName="x", **resolved(found))


def test_a_local_model_is_no_asset_of_aws(project: Any, prod: Any, arguments_of: Any) -> None:
    more = f"{ACCEPTED}, local_model: ./base"
    names = [name for asset in compiled(project, prod, more).assets for name in asset.files]
    assert "model.safetensors" not in names
    here = compiled(project, LOCAL, more)
    weights = next(asset for asset in here.assets if "model.safetensors" in asset.files)
    channels = arguments_of(here, "tuned")["InputDataConfig"]
    assert weights.uri in [one["DataSource"]["S3DataSource"]["S3Uri"] for one in channels]


def test_without_a_lock_it_compiles_for_this_machine_alone(
    project: Any, prod: Any, arguments_of: Any
) -> None:
    found = arguments_of(compiled(project, LOCAL, "task: chat", None), "tuned")
    assert found["HyperParameters"]["chat_dataset"] == "True"
    assert found["HyperParameters"]["lora_r"] == "8"
    assert refused(project, prod, ACCEPTED, None) == [
        "steps.tuned.model_id: what JumpStart trains this model with is not locked. "
        "Run: fmo lock FILE --env prod."
    ]


def test_a_lock_of_another_region_is_none(project: Any, prod: Any) -> None:
    assert refused(project, replace(prod, region="us-west-2"), ACCEPTED) == [
        "steps.tuned.model_id: the model is locked in eu-central-1, and environment 'prod' is in "
        "us-west-2. Run: fmo lock FILE --env prod."
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "task: instruction",
            "steps.tuned.accept_eula: acme-tiny is only for who accepts its terms, "
            "https://jumpstart-cache-prod-eu-central-1.s3.eu-central-1.amazonaws.com/eula/tiny.txt"
            ". Read them, and write `accept_eula: true`.",
        ),
        (
            f"{ACCEPTED}, model_version: 2.9.0",
            "steps.tuned.model_version: version 2.10.0 is locked in spec.lock.json, not 2.9.0. "
            "Run: fmo lock FILE --env NAME.",
        ),
        (
            f"{ACCEPTED}, instance_type: ml.g5.xlarge",
            "steps.tuned.instance_type: JumpStart does not train acme-tiny on ml.g5.xlarge. "
            "Write one of ml.g5.12xlarge.",
        ),
        (
            f"{ACCEPTED}, task: chat",
            "steps.tuned.task: acme-tiny 2.10.0 learns no conversations. "
            "Write instruction or domain_adaptation.",
        ),
        (
            f"{ACCEPTED}, hyperparameters: {{epohc: 2}}",
            "steps.tuned.hyperparameters.epohc: acme-tiny 2.10.0 has no such hyperparameter. "
            "Did you mean 'epoch'?",
        ),
        (
            f"{ACCEPTED}, hyperparameters: {{epoch: 0}}",
            "steps.tuned.hyperparameters.epoch: 0 is out of its range. "
            "Write a whole number from 1 to 1000.",
        ),
        (
            f"{ACCEPTED}, hyperparameters: {{epoch: 1.5}}",
            "steps.tuned.hyperparameters.epoch: 1.5 is not a whole number. "
            "Write a whole number from 1 to 1000.",
        ),
        (
            f"{ACCEPTED}, hyperparameters: {{learning_rate: -0.5}}",
            "steps.tuned.hyperparameters.learning_rate: -0.5 is out of its range. "
            "Write a number, at least 0.",
        ),
        (
            f"{ACCEPTED}, hyperparameters: {{int8: maybe}}",
            "steps.tuned.hyperparameters.int8: 'maybe' is none of its values. "
            "Write one of True, False.",
        ),
    ],
    ids=["terms", "version", "instance", "task", "name", "range", "whole", "least", "options"],
)
def test_what_jumpstart_would_refuse_is_said(project: Any, prod: Any, more: str, said: str) -> None:
    assert refused(project, prod, more) == [said]


def test_a_lock_without_the_model_is_stale(project: Any) -> None:
    plan = project.plan(SPEC.format(more="model_version: 2.9.0"))
    assert jumpstart_models(plan) == ("acme-tiny@2.9.0",)
    told = stale(LOCK.lock, (), LOCK.path, jumpstart_models(plan))
    assert [one.where for one in told] == ["acme-tiny@2.9.0"]
    assert stale(LOCK.lock, (), LOCK.path, ("acme-tiny@2.10.0",)) == ()


def test_a_stand_in_is_told_of(project: Any) -> None:
    findings = Findings(None, {})
    warn_of_stand_ins(project.plan(SPEC.format(more=ACCEPTED)), findings)
    warn_of_stand_ins(project.plan(SPEC.format(more="local_model: ./base")), findings)
    assert [f"{it.where}: {it.what}. {it.fix}" for it in findings.warnings] == [
        "steps.tuned.model_id: on this machine a tiny new model is trained in place of acme-tiny. "
        "Or name one to train: `local_model: ./folder` or hf://ID."
    ]
