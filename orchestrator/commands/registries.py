"""The model registry that a command means: this machine's, or that of an account on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.commands import executions
from orchestrator.local import history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.aws.clients import Aws
    from orchestrator.local.home import Home
    from orchestrator.results.registered import RegisteredModel


class Registry(Protocol):
    """Where models are registered."""

    @property
    def place(self) -> str:
        """Where that is, for a person."""

    def list(self) -> Sequence[RegisteredModel]:
        """Return every version, the newest first."""

    def find(self, text: str) -> RegisteredModel:
        """Return what `NAME/VERSION` or `NAME`, its newest version, means."""

    def weights_of(self, model: RegisteredModel) -> Mapping[str, Path | None] | None:
        """Return where each artifact lies on this disk; None if they are elsewhere."""

    def set_approval(self, model: RegisteredModel, status: str, note: str | None) -> None:
        """Approve or reject a version."""


@dataclass(frozen=True)
class LocalRegistry:
    """What was registered on this machine."""

    home: Home
    place: str

    def list(self) -> Sequence[RegisteredModel]:
        """Return every version, the newest first."""
        return executions.list_models(self.home)

    def find(self, text: str) -> RegisteredModel:
        """Return what `NAME/VERSION` or `NAME`, its newest version, means."""
        return executions.find_model(text, self.home)

    def weights_of(self, model: RegisteredModel) -> Mapping[str, Path | None]:
        """Return where each artifact lies on this disk; None where it is gone."""
        return executions.weights_of(model, self.home)

    def set_approval(self, model: RegisteredModel, status: str, note: str | None) -> None:
        """Approve or reject a version."""
        history.set_approval(model, status, note, datetime.now(UTC), self.home)


@dataclass(frozen=True)
class AwsRegistry:
    """What is registered in the account of an environment."""

    aws: Aws
    place: str

    def list(self) -> Sequence[RegisteredModel]:
        """Return every version, group by group, the newest first."""
        from orchestrator.aws import registry

        return tuple(registry.list_models(self.aws))

    def find(self, text: str) -> RegisteredModel:
        """Return what `NAME/VERSION` or `NAME`, its newest version, means."""
        from orchestrator.aws import registry

        return registry.find_model(text, self.aws)

    def weights_of(self, model: RegisteredModel) -> None:
        """Return nothing: they are not on this disk."""

    def set_approval(self, model: RegisteredModel, status: str, note: str | None) -> None:
        """Approve or reject a version."""
        from orchestrator.aws import registry

        registry.set_approval(model, status, note, self.aws)


def registry_of(env: str | None, home_path: Path) -> Registry:
    """Return the registry of the environment `env` of the project here; without one, the local."""
    if env is None:
        return LocalRegistry(executions.open_home(home_path), str(home_path))
    # boto3 takes longer to import than a list of models takes to show.
    from orchestrator import flow_aws
    from orchestrator.aws.clients import connect

    environment = flow_aws.environment_here(Path.cwd(), env)
    return AwsRegistry(connect(environment.region), f"{env}, {environment.region}")
