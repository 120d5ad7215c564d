"""What validation asks about the services behind the steps; `orchestrator.aws.shapes` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.definition.json import Json


class Shapes(Protocol):
    """The API models: operations, and the shapes of what they take and give."""

    def input_shape(self, service: str, operation: str) -> str | None:
        """Return the name of the input shape, such as `CreateTrainingJobRequest`."""

    def output_shape(self, service: str, operation: str) -> str | None:
        """Return the name of the output shape, such as `DescribeTrainingJobResponse`."""

    def shape(self, service: str, name: str) -> Mapping[str, Json] | None:
        """Return a shape as botocore's JSON writes it: `type`, `members`, `required`, `enum`."""
