"""`fmo deploy` and `fmo diff` over HTTP, against an account on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

DEPLOY = ("deploy", "spec.yaml", "--env", "dev", "--yes")


def test_a_spec_is_deployed_once_and_a_change_once_more(account: Fmo) -> None:
    first = account(*DEPLOY, "--json")
    assert first.code == 0, first.stderr
    assert first.document["action"] == "create"
    arn = "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/count-words"
    assert first.document["pipeline_arn"] == arn
    uris = [upload["uri"] for upload in first.document["uploads"]]
    assert [uri for uri in uris if not uri.startswith("s3://acme-dev/fmo/assets/")] == []
    again = account(*DEPLOY, "--json").document
    assert (again["action"], again["uploads"], again["changes"]) == ("none", [], [])
    changed = account(*DEPLOY, "--json", "--set", "steps.count.instance_type=ml.m5.2xlarge")
    assert changed.document["action"] == "update"
    (change,) = changed.document["changes"]
    assert change["path"].endswith("ClusterConfig.InstanceType")


def test_nothing_is_deployed_where_nobody_can_be_asked(account: Fmo) -> None:
    ended = account("deploy", "spec.yaml", "--env", "dev")
    assert ended.code == 2
    assert "FMO100 nobody can be asked here. Add --yes to go on." in ended.stderr
    assert account("diff", "spec.yaml", "--env", "dev", "--json").document["action"] == "create"


def test_a_difference_is_told_by_the_exit_code(account: Fmo) -> None:
    assert account("diff", "spec.yaml", "--env", "dev").code == 1
    assert account(*DEPLOY).code == 0
    assert account("diff", "spec.yaml", "--env", "dev").code == 0
    ended = account("diff", "spec.yaml", "--env", "dev", "--set", "parameters.Limit.default=6")
    assert ended.code == 1
    assert "~ Parameters.Limit.DefaultValue: 5 -> 6" in ended.stdout


def test_credentials_of_another_account_are_refused(account: Fmo) -> None:
    ended = account("deploy", "spec.yaml", "--env", "prod", "--yes")
    assert ended.code == 3
    assert (
        "the credentials are of account 111111111111, the role_arn of 222222222222" in ended.stderr
    )


def test_a_model_that_is_not_locked_is_refused_before_anything_is_asked_of_aws(fmo: Fmo) -> None:
    text = (fmo.folder / "spec.yaml").read_text(encoding="utf-8")
    model = "    inputs: {words: ./words, model: hf://acme/tiny}"
    text = text.replace("    inputs: {words: ./words}", model)
    (fmo.folder / "spec.yaml").write_text(text, encoding="utf-8")
    ended = fmo(*DEPLOY)
    assert ended.code == 2
    assert (
        "steps.count.inputs.model: hf://acme/tiny@main is not locked, and jobs on AWS read models "
        "from the bucket only. Run: fmo lock spec.yaml."
    ) in ended.stderr


@pytest.mark.parametrize("profile", ["nobody"])
def test_a_profile_that_is_not_there_is_a_matter_of_credentials(fmo: Fmo, profile: str) -> None:
    ended = fmo(*DEPLOY, AWS_PROFILE=profile, AWS_CONFIG_FILE="/dev/null")
    assert ended.code == 3
    assert "FMO410 aws: there are no AWS credentials (The config profile (nobody)" in ended.stderr
