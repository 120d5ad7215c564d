"""Secrets of a job: fetched from Secrets Manager, and kept out of what it prints.

Standard library only, save where a secret must be fetched: `launch.py` reads it in any image.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

PREFIX = "FMO_SECRET_"
"""`FMO_SECRET_HF_TOKEN` says where the value of the variable `HF_TOKEN` is."""
_SHORTEST_LINE = 8
"""Of a secret with several lines, such as a key, each one this long is hidden by itself too."""
_REFUSED = {
    "AccessDeniedException": (
        "the job's role may not read it. Allow the role secretsmanager:GetSecretValue, and "
        "kms:Decrypt if the secret has a key of its own."
    ),
    "ResourceNotFoundException": "there is no such secret. Check its name, account and region.",
    "DecryptionFailure": "its KMS key could not be used. Allow the job's role kms:Decrypt.",
}


class SecretProblemError(Exception):
    """A secret cannot be had; says which one, and what to do."""

    def __init__(self, secret: str, reason: str) -> None:
        super().__init__(f"{secret}: {reason}")


def secret_values(
    environment: Mapping[str, str], connect: Callable[[str | None], Any] | None = None
) -> dict[str, str]:
    """Return variable to value of every secret that `environment` names.

    Args:
        environment: The job's; on a laptop the backend has put the values into it already.
        connect: Makes a client of Secrets Manager for a region; boto3's if None.

    Raises:
        SecretProblemError: If one cannot be had.
    """
    values: dict[str, str] = {}
    for marker, text in environment.items():
        if marker.startswith(PREFIX):
            name = marker.removeprefix(PREFIX)
            if environment.get("FMO_LOCAL"):
                values[name] = environment.get(name, "")
            else:
                values[name] = _fetch(name, json.loads(text), environment, connect)
    return values


def without_markers(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without what says where secrets are."""
    return {name: value for name, value in environment.items() if not name.startswith(PREFIX)}


def redactor(secrets: Collection[str]) -> Callable[[bytes], bytes] | None:
    """Return a function that replaces the secrets in a line by `***`; None if there are none."""
    texts = {text for secret in secrets for text in (secret, *_long_lines(secret)) if text}
    if not texts:
        return None
    # The longest first: one secret may be the beginning of another.
    ordered = sorted((text.encode() for text in texts), key=len, reverse=True)
    pattern = re.compile(b"|".join(re.escape(text) for text in ordered))
    return lambda line: pattern.sub(b"***", line)


def _fetch(
    name: str,
    place: Mapping[str, str],
    environment: Mapping[str, str],
    connect: Callable[[str | None], Any] | None,
) -> str:
    secret_id, key = place["secret_id"], place.get("key")
    secret = f"environment.{name}: secret {secret_id!r}"
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if secret_id.startswith("arn:"):
        region = secret_id.split(":")[3]
    text = _read(secret_id, secret, region, connect)
    return text if key is None else _member(text, key, secret)


def _read(
    secret_id: str, secret: str, region: str | None, connect: Callable[[str | None], Any] | None
) -> str:
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        reason = "this image has no boto3 to fetch it. Use an image that has it."
        raise SecretProblemError(secret, reason) from error
    try:
        answer = (connect or _connect)(region).get_secret_value(SecretId=secret_id)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reason = _REFUSED.get(code, f"Secrets Manager refused it: {error}.")
        raise SecretProblemError(secret, f"{reason} ({code})") from error
    except BotoCoreError as error:
        cure = "A job in a VPC needs an endpoint of secretsmanager there."
        reason = f"Secrets Manager cannot be reached: {error} {cure}"
        raise SecretProblemError(secret, reason) from error
    if "SecretString" not in answer:
        raise SecretProblemError(secret, "it is binary. Store it as text.")
    return str(answer["SecretString"])


def _member(text: str, key: str, secret: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        reason = f"it is no JSON object, so it has no key {key!r}. Remove `key` in fmo.yaml."
        raise SecretProblemError(secret, reason)
    if key not in found:
        keys = ", ".join(sorted(found)) or "none"
        reason = f"it has no key {key!r} (it has: {keys}). Change `key` in fmo.yaml."
        raise SecretProblemError(secret, reason)
    return str(found[key])


def _connect(region: str | None) -> Any:
    import boto3

    return boto3.client("secretsmanager", region_name=region)


def _long_lines(secret: str) -> list[str]:
    return [line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE]
