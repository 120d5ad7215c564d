"""Secrets of a job on this machine: taken from the caller's environment, kept out of its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.definition.secrets import secret_places
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

HIDDEN = "***"
_SHORTEST_LINE = 8
"""Of a secret with several lines, such as a key, each one this long is hidden by itself too."""


def secret_values(environment: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """Return variable to value of every secret that a job's `environment` names.

    Args:
        environment: As the definition gives it.
        caller: The environment `fmo` runs in.
    """
    places = secret_places(environment)
    return {name: caller.get(place.env or name, "") for name, place in places.items()}


def missing_secrets(
    step: str, environment: Mapping[str, str], caller: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield a problem for every secret that the caller's environment does not hold."""
    for name, place in secret_places(environment).items():
        variable = place.env or name
        if not caller.get(variable):
            yield Problem(
                f"steps.{step}.environment.{name}",
                f"on this machine the secret {place.secret_id!r} comes from the variable "
                f"{variable}, which is not set",
                f"Run: export {variable}=...",
            )


class Redactor:
    """Replaces secrets in a stream of bytes by `***`, wherever the stream is cut."""

    def __init__(self, secrets: Collection[str]) -> None:
        texts = {part for secret in secrets for part in _parts(secret)}
        self._secrets = sorted((text.encode() for text in texts), key=len, reverse=True)
        # The longest first: one secret may be the beginning of another.
        self._pattern = re.compile(b"|".join(re.escape(secret) for secret in self._secrets))
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what may be shown once `chunk` has come; what may begin a secret is held back."""
        if not self._secrets:
            return chunk
        data = self._hidden(self._held + chunk)
        held = self._beginning(data)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def close(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return held

    def text(self, text: str) -> str:
        """Return a whole text without the secrets."""
        if not self._secrets:
            return text
        return self._hidden(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def _hidden(self, data: bytes) -> bytes:
        return self._pattern.sub(HIDDEN.encode(), data)

    def _beginning(self, data: bytes) -> int:
        """How many bytes at the end of `data` a secret may begin with."""
        longest = min(len(self._secrets[0]) - 1, len(data))
        for length in range(longest, 0, -1):
            end = data[len(data) - length :]
            if any(secret.startswith(end) for secret in self._secrets):
                return length
        return 0


def _parts(secret: str) -> Iterator[str]:
    if secret:
        yield secret
        yield from (line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE)
