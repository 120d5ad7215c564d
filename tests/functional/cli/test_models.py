"""`fmo models`: approved and rejected, here and over HTTP in an account on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

REGISTERING = {
    "Version": "2020-12-01",
    "Metadata": {},
    "Parameters": [],
    "Steps": [
        {
            "Name": "publish",
            "Type": "RegisterModel",
            "Arguments": {
                "ModelPackageGroupName": "helpers",
                "InferenceSpecification": {
                    "Containers": [{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/x:1"}]
                },
            },
        }
    ],
}
SEED = """
import boto3
session = boto3.Session(region_name="eu-central-1")
sagemaker = session.client("sagemaker")
sagemaker.create_model_package_group(ModelPackageGroupName="helpers")
source = {"S3Uri": "s3://acme-dev/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
container = {"Image": "1.dkr.ecr.eu-central-1.amazonaws.com/x:1",
             "ModelDataSource": {"S3DataSource": source}}
sagemaker.create_model_package(
    ModelPackageGroupName="helpers", ModelApprovalStatus="PendingManualApproval",
    InferenceSpecification={
        "Containers": [container], "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.xlarge"],
    },
)
"""
SHOW = 'print(sagemaker.describe_endpoint(EndpointName="helpers")["EndpointStatus"])\n'


@pytest.fixture
def registered(fmo: Fmo) -> Fmo:
    (fmo.folder / "register.json").write_text(json.dumps(REGISTERING))
    assert fmo("run", "register.json").code == 0
    return fmo


def test_a_model_is_approved_and_rejected_with_a_reason(registered: Fmo) -> None:
    approved = registered("models", "approve", "helpers/1", "--note", "read by two people")
    assert approved.stdout == "helpers/1: approved (was pending)\n"
    shown = registered("models", "helpers").stdout
    assert shown.startswith("helpers/1: Approved (read by two people)")
    rejected = registered("models", "reject", "helpers/1", "--json")
    assert rejected.document["approval_status"] == "Rejected"
    assert "rejected" in registered("models").stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("helpers",), "'helpers' names no version. Write helpers/1 for the newest."),
        (("helpers/2",), "there is no model 'helpers/2' in"),
        (("helpers/1", "--note", "a\nb"), "--note: a note is one line of at most 1024 characters"),
    ],
)
def test_what_cannot_be_approved_is_told_and_nothing_is_changed(
    registered: Fmo, arguments: tuple[str, ...], text: str
) -> None:
    ended = registered("models", "approve", *arguments)
    assert ended.code == 2
    assert text in ended.stderr
    assert registered("models", "helpers", "--json").document["approval_status"] != "Approved"


def run_in(account: Fmo, program: str) -> str:
    """Return what a Python program of the user's prints."""
    done = subprocess.run(
        [sys.executable, program],
        cwd=account.folder, env=account.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_of_an_account_is_approved_and_put_to_use(account: Fmo) -> None:
    (account.folder / "seed.py").write_text(SEED)
    run_in(account, "seed.py")
    pending = account("models", "recipe", "helpers/1", "--env", "dev")
    assert "helpers/1 is not approved; approve it: fmo models approve helpers/1" in pending.stderr
    approved = account("models", "approve", "helpers/1", "--env", "dev", "--note", "fine")
    assert approved.stdout == "helpers/1: approved (was pending)\n", approved.stderr
    assert "approved" in account("models", "--env", "dev").stdout
    recipe = account("models", "recipe", "helpers", "--env", "dev", "-o", "out", "--json")
    assert recipe.code == 0, recipe.stderr
    assert recipe.document["engine"] == "handler"
    commands = recipe.document["commands"]
    assert commands[0].startswith("aws s3 cp --recursive out/code s3://acme-dev/fmo/assets/code/")
    assert commands[1] == (
        "aws sagemaker create-model --cli-input-json file://out/create-model.json"
        " --region eu-central-1"
    )
    program = (account.folder / "out" / "send.py").read_text(encoding="utf-8")
    # moto serves no model: all but the question to it is sent.
    sent = program.partition("answer = ")[0] + SHOW
    (account.folder / "out" / "sent.py").write_text(sent)
    assert run_in(account, "out/sent.py") == "InService\n"
    code = (account.folder / "out" / "code" / "inference.py").read_text(encoding="utf-8")
    assert "def model_fn" in code
    two = account(
        "models", "recipe", "helpers", "--env", "dev", "--endpoint",
        "--batch-transform", "s3://acme-dev/in/", "s3://acme-dev/out/",
    )  # fmt: skip
    assert (two.code, "are two recipes" in two.stderr) == (2, True)
    wrong = account("models", "recipe", "helpers", "--env", "dev", "--instance-type", "ml.m5.huge")
    assert wrong.code == 2
    assert "ml.m5.huge" in wrong.stderr
