"""Secrets of a job here: taken from the caller, and never shown, however its output is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definition.secrets import SecretPlace
from orchestrator.local.job_secrets import Redactor, missing_secrets, secret_values

ENVIRONMENT = {
    "LEVEL": "debug",
    "FMO_SECRET_HF_TOKEN": SecretPlace("acme/hf").to_text(),
    "FMO_SECRET_DB": SecretPlace("acme/db", env="MY_DB").to_text(),
}


def test_a_secret_comes_from_its_own_variable_or_from_the_declared_one() -> None:
    caller = {"HF_TOKEN": "t", "MY_DB": "d", "DB": "not this one"}
    assert secret_values(ENVIRONMENT, caller) == {"HF_TOKEN": "t", "DB": "d"}
    assert list(missing_secrets("a", ENVIRONMENT, caller)) == []


def test_every_variable_that_is_not_set_is_named() -> None:
    found = [str(problem) for problem in missing_secrets("a", ENVIRONMENT, {"MY_DB": ""})]
    assert found == [
        "steps.a.environment.HF_TOKEN: on this machine the secret 'acme/hf' comes from the "
        "variable HF_TOKEN, which is not set. Run: export HF_TOKEN=...",
        "steps.a.environment.DB: on this machine the secret 'acme/db' comes from the variable "
        "MY_DB, which is not set. Run: export MY_DB=...",
    ]


def fed(redactor: Redactor, *chunks: bytes) -> bytes:
    return b"".join(redactor.feed(chunk) for chunk in chunks) + redactor.close()


SECRETS = st.lists(st.text("abc", min_size=2, max_size=6), min_size=1, max_size=3)


@given(SECRETS, st.lists(st.text("abc \n", max_size=9), max_size=8))
def test_however_a_stream_is_cut_no_secret_is_shown(secrets: list[str], chunks: list[str]) -> None:
    cut = fed(Redactor(secrets), *(chunk.encode() for chunk in chunks))
    whole = Redactor(secrets).text("".join(chunks))
    assert not any(secret.encode() in cut for secret in secrets)
    assert not any(secret in whole for secret in secrets)


def test_text_without_secrets_is_passed_on_as_it_is() -> None:
    assert fed(Redactor(["hunter2"]), b"a hun", b"ter ", b"\xff hunter", b"2!") == (
        b"a hunter \xff ***!"
    )
    assert fed(Redactor([]), b"any", b"thing") == b"anything"


def test_what_cannot_begin_a_secret_is_shown_at_once() -> None:
    redactor = Redactor(["hunter2"])
    assert redactor.feed(b"step 1\n") == b"step 1\n"
    assert redactor.feed(b"hunt") == b""
    assert redactor.feed(b"ing\n") == b"hunting\n"


def test_each_line_of_a_key_is_hidden_by_itself() -> None:
    key = "-----BEGIN-----\nMIIEvQIBADANBg\nabc\n"
    assert fed(Redactor([key]), b"x MIIEvQIBADANBg y abc\n") == b"x *** y abc\n"
