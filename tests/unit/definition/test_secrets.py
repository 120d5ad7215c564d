"""What a definition says of a secret is read back as it was written."""

from __future__ import annotations

import pytest

from orchestrator.definition.secrets import SecretPlace, secret_places
from orchestrator.errors import DefinitionError

ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:acme/hf-AbCdEf"


@pytest.mark.parametrize(
    "place",
    [
        SecretPlace("acme/hf"),
        SecretPlace(ARN, "a#b:c"),
        SecretPlace("acme/hf", "token", "MY_TOKEN"),
    ],
)
def test_a_place_is_read_back_as_it_was_written(place: SecretPlace) -> None:
    environment = {"LEVEL": "debug", "FMO_SECRET_HF_TOKEN": place.to_text()}
    assert secret_places(environment) == {"HF_TOKEN": place}


@pytest.mark.parametrize("text", ["", "acme/hf", "[]", "{}", '{"id": "acme/hf"}'])
def test_a_variable_that_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        secret_places({"FMO_SECRET_X": text})
    assert str(caught.value) == (
        f"Environment.FMO_SECRET_X: {text!r} does not say where a secret is. "
        'Write {"secret_id": "NAME"}.'
    )
