"""Secrets in a job: fetched by the role, failing with the cure, and never printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from tests.scripts.test_launch_run import contracts, simulate
from training_scripts.launch_secrets import SecretProblemError, redactor, secret_values

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:acme/hf-AbCdEf"


class SecretsManager:
    """botocore's own client, its answers given; remembers the regions it was asked for."""

    def __init__(self) -> None:
        self.regions: list[str | None] = []
        self.client = boto3.client(
            "secretsmanager", region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="y",  # noqa: S106
        )  # fmt: skip
        self.stub = Stubber(self.client)
        self.stub.activate()

    def answers(self, secret_id: str, **answer: Any) -> None:
        self.stub.add_response("get_secret_value", answer, {"SecretId": secret_id})

    def refuses(self, code: str) -> None:
        self.stub.add_client_error("get_secret_value", code, "said")

    def connect(self, region: str | None) -> Any:
        self.regions.append(region)
        return self.client


@pytest.fixture
def manager() -> SecretsManager:
    return SecretsManager()


def environment(place: dict[str, str], **more: str) -> dict[str, str]:
    return {"FMO_SECRET_HF_TOKEN": json.dumps(place), "LEVEL": "debug", **more}


def test_a_secret_is_fetched_in_the_jobs_region(manager: SecretsManager) -> None:
    manager.answers("acme/hf", SecretString="hunter2")
    given = environment({"secret_id": "acme/hf", "env": "ELSEWHERE"}, AWS_REGION="eu-central-1")
    assert secret_values(given, manager.connect) == {"HF_TOKEN": "hunter2"}
    assert manager.regions == ["eu-central-1"]


def test_an_arn_names_its_own_region_and_a_key_its_member(manager: SecretsManager) -> None:
    manager.answers(ARN, SecretString='{"token": "hunter2", "n": 7}')
    given = environment({"secret_id": ARN, "key": "token"}, AWS_DEFAULT_REGION="us-east-1")
    assert secret_values(given, manager.connect) == {"HF_TOKEN": "hunter2"}
    assert manager.regions == ["eu-west-1"]


def test_on_a_laptop_the_backend_has_fetched_it(manager: SecretsManager) -> None:
    given = environment({"secret_id": "acme/hf"}, HF_TOKEN="mine", FMO_LOCAL="1")  # noqa: S106
    assert secret_values(given, manager.connect) == {"HF_TOKEN": "mine"}
    assert manager.regions == []


def test_a_variable_of_the_image_does_not_stand_for_the_secret(manager: SecretsManager) -> None:
    manager.answers("acme/hf", SecretString="hunter2")
    given = environment({"secret_id": "acme/hf"}, HF_TOKEN="of the image")  # noqa: S106
    assert secret_values(given, manager.connect) == {"HF_TOKEN": "hunter2"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "AccessDeniedException",
            "the job's role may not read it. Allow the role secretsmanager:GetSecretValue, and "
            "kms:Decrypt if the secret has a key of its own. (AccessDeniedException)",
        ),
        (
            "ResourceNotFoundException",
            "there is no such secret. Check its name, account and region. "
            "(ResourceNotFoundException)",
        ),
        ("ThrottlingException", "Secrets Manager refused it: An error occurred"),
    ],
)
def test_a_refusal_says_what_is_needed(manager: SecretsManager, code: str, said: str) -> None:
    manager.refuses(code)
    with pytest.raises(SecretProblemError) as caught:
        secret_values(environment({"secret_id": "acme/hf"}), manager.connect)
    assert str(caught.value).startswith(f"environment.HF_TOKEN: secret 'acme/hf': {said}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"SecretString": '{"a": "1", "b": "2"}'}, "it has no key 'token' (it has: a, b). Change"),
        ({"SecretString": "hunter2"}, "it is no JSON object, so it has no key 'token'. Remove"),
        ({"SecretString": "[1]"}, "it is no JSON object, so it has no key 'token'. Remove"),
        ({"SecretBinary": b"x"}, "it is binary. Store it as text."),
    ],
)
def test_a_secret_of_another_form_is_named_and_not_shown(
    manager: SecretsManager, answer: dict[str, Any], said: str
) -> None:
    manager.answers("acme/hf", **answer)
    with pytest.raises(SecretProblemError) as caught:
        secret_values(environment({"secret_id": "acme/hf", "key": "token"}), manager.connect)
    assert f"environment.HF_TOKEN: secret 'acme/hf': {said}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_network_without_a_way_to_secrets_manager_is_named() -> None:
    def connect(_: str | None) -> Any:
        raise EndpointConnectionError(endpoint_url="https://secretsmanager.test")

    with pytest.raises(SecretProblemError) as caught:
        secret_values(environment({"secret_id": "acme/hf"}), connect)
    assert "Secrets Manager cannot be reached: Could not connect" in str(caught.value)
    assert str(caught.value).endswith("A job in a VPC needs an endpoint of secretsmanager there.")


def test_the_longest_of_two_secrets_is_hidden_whole() -> None:
    hide = redactor(["hunter", "hunter2"])
    assert hide is not None
    assert hide(b"hunter2 hunter\n") == b"*** ***\n"
    assert redactor([]) is None


HERE = {"HF_TOKEN": "hunter2", "FMO_LOCAL": "1"}
TELLS = """\
import os, pathlib, sys
secret = os.environ["HF_TOKEN"]
assert secret == "hunter2"
assert not [name for name in os.environ if name.startswith("FMO_SECRET_")]
print("out", secret, flush=True)
print("err", secret, file=sys.stderr, flush=True)
"""


@contracts
def test_what_a_script_prints_and_why_it_fails_hide_the_secret(
    tmp_path: Path, contract: str
) -> None:
    job = simulate(tmp_path, contract, TELLS + "raise ValueError(f'bad {secret}')\n")
    code, out, err = job.launch(**environment({"secret_id": "x"}, **HERE))
    assert code == 1
    assert out == "out ***\n"
    assert err.startswith("err ***\n")
    assert "hunter2" not in err
    assert job.failure.read_text() == "job.py: ValueError: bad ***"


def test_a_reason_that_the_script_told_hides_the_secret(tmp_path: Path) -> None:
    told = "pathlib.Path(os.environ['FMO_FAILURE_FILE']).write_text('no ' + secret)\nsys.exit(1)\n"
    job = simulate(tmp_path, "Training", TELLS + told)
    job.launch(**environment({"secret_id": "x"}, **HERE))
    assert job.failure.read_text() == "no ***"


def test_a_secret_that_cannot_be_had_fails_the_job_before_the_script(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "print('ran')")
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1"}
    code, out, err = job.launch(
        **environment({"secret_id": "acme/hf"}, HOME=str(tmp_path), **nowhere)
    )
    assert (code, out) == (1, "")
    # Without credentials nothing is asked over the network.
    reason = "environment.HF_TOKEN: secret 'acme/hf': Secrets Manager cannot be reached: Unable to"
    assert err.startswith(reason)
    assert job.failure.read_text().startswith(reason)
