"""The defaults files of the SageMaker SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import InputError
from orchestrator.interop.sdk_defaults import SdkDefaults, read_sdk_defaults

if TYPE_CHECKING:
    from pathlib import Path

ADMIN = """
SchemaVersion: '1.0'
SageMaker:
  PythonSDK: {Modules: {Session: {DefaultS3Bucket: acme-all}}}
  Pipeline:
    Tags: [{Key: team, Value: platform}]
  TrainingJob:
    RoleArn: arn:aws:iam::111111111111:role/all
    EnableNetworkIsolation: true
    OutputDataConfig: {KmsKeyId: alias/acme}
    VpcConfig: {Subnets: [subnet-1, subnet-2], SecurityGroupIds: [sg-1]}
    Tags: [{Key: cost, Value: 012345670123}, {Key: team, Value: jobs}]
"""
USER = """
SageMaker:
  Pipeline: {RoleArn: arn:aws:iam::111111111111:role/mine}
  TrainingJob: {VpcConfig: {Subnets: [subnet-3]}}
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose files are all below a folder; none is there yet."""
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "etc")}


def write(folder: Path, text: str) -> Path:
    (folder / "sagemaker").mkdir(parents=True)
    file = folder / "sagemaker" / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_files_nothing_is_said(home: dict[str, str]) -> None:
    assert read_sdk_defaults(home) == SdkDefaults()


def test_the_file_of_the_administrator_holds(home: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path / "etc", ADMIN)
    assert read_sdk_defaults(home) == SdkDefaults(
        files=(file,),
        role_arn="arn:aws:iam::111111111111:role/all",
        bucket="acme-all",
        kms_key_id="alias/acme",
        subnets=("subnet-1", "subnet-2"),
        security_group_ids=("sg-1",),
        tags={"cost": "012345670123", "team": "platform"},
        network_isolation=True,
    )


def test_the_user_s_file_wins_member_by_member(home: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "etc", ADMIN)
    write(tmp_path / ".config", USER)
    found = read_sdk_defaults(home)
    assert found.role_arn == "arn:aws:iam::111111111111:role/mine"
    assert (found.subnets, found.security_group_ids) == (("subnet-3",), ("sg-1",))
    assert (found.bucket, len(found.files)) == ("acme-all", 2)


def test_a_variable_names_another_file_or_its_folder(home: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path / "elsewhere", USER)
    for given in (file, file.parent):
        found = read_sdk_defaults({**home, "SAGEMAKER_USER_CONFIG_OVERRIDE": str(given)})
        assert found.files == (file,)


@pytest.mark.parametrize("given", ["s3://acme/config.yaml", "/nowhere/config.yaml"])
def test_a_file_that_is_not_here_is_named_by_its_variable(home: dict[str, str], given: str) -> None:
    text = rf"^SAGEMAKER_ADMIN_CONFIG_OVERRIDE: there is no file '{given}'\. Name a file of this"
    with pytest.raises(InputError, match=text):
        read_sdk_defaults({**home, "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": given})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "SageMaker: {Pipeline: {RoleArn: 5}}",
            r"SageMaker\.Pipeline\.RoleArn: found 5\. Write te",
        ),
        ("SageMaker: {TrainingJob: {VpcConfig: {Subnets: a}}}", r"Subnets: found 'a'\. Write a li"),
        ("SageMaker: {Pipeline: {Tags: a}}", r"Tags: found 'a'\. Write a list of Key and Value"),
        ("[1]", r"the file is a list, not a mapping\. Write `SageMaker:`"),
    ],
)
def test_what_cannot_be_meant_is_told_with_the_file(
    home: dict[str, str], tmp_path: Path, text: str, told: str
) -> None:
    write(tmp_path / ".config", text)
    with pytest.raises(InputError, match=rf"config\.yaml: .*{told}|config\.yaml:.*{told}"):
        read_sdk_defaults(home)
