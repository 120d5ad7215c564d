"""Secrets of a job: its environment says which ones it needs and where they are, never what."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "FMO_SECRET_"
"""`FMO_SECRET_HF_TOKEN` says where the value of the variable `HF_TOKEN` is."""


@dataclass(frozen=True)
class SecretPlace:
    """Where the value of a variable is: in Secrets Manager, and on this machine."""

    secret_id: str
    """Name or ARN."""
    key: str | None = None
    """Of the JSON object that the secret is; None for the whole of it."""
    env: str | None = None
    """The variable of this machine that stands for it; None for one of the same name."""

    def to_text(self) -> str:
        """Return it as the value of a `FMO_SECRET_` variable."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})


def secret_places(environment: Mapping[str, str]) -> dict[str, SecretPlace]:
    """Return the variables of a job that are secrets, and where each one is.

    Raises:
        DefinitionError: If a `FMO_SECRET_` variable says nothing of the kind.
    """
    return {
        name.removeprefix(PREFIX): _place(name, text)
        for name, text in environment.items()
        if name.startswith(PREFIX)
    }


def _place(name: str, text: str) -> SecretPlace:
    try:
        return SecretPlace(**json.loads(text))
    except (TypeError, ValueError) as error:
        what = f"{text!r} does not say where a secret is"
        fix = 'Write {"secret_id": "NAME"}.'
        raise DefinitionError(Problem(f"Environment.{name}", what, fix)) from error
