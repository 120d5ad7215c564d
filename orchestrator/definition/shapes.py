"""What validation asks about the services behind the steps; `orchestrator.aws.shapes` answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Shape:
    """One shape of an API model. Other shapes are named, not held: models have cycles."""

    name: str
    type: str
    """`structure`, `list`, `map`, `string`, `integer`, `boolean`, ..., or `any`."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Of a structure: member to shape name."""
    required: tuple[str, ...] = ()
    member: str | None = None
    """Of a list: the shape of its items."""
    key: str | None = None
    value: str | None = None
    """Of a map: the shapes of its keys and values."""
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    """A Java regular expression."""
    minimum: float | None = None
    maximum: float | None = None
    """Of text and lists: the length; of numbers: the value."""
    union: bool = False
    """Of a structure: exactly one member is given."""


class Shapes(Protocol):
    """The API models: what operations take and give."""

    def input_of(self, service: str, operation: str) -> Shape | None:
        """Return what `CreateTrainingJob` takes; None if the operation is unknown."""

    def output_of(self, service: str, operation: str) -> Shape | None:
        """Return what `DescribeTrainingJob` gives; None if the operation is unknown."""

    def shape(self, service: str, name: str) -> Shape | None:
        """Return a shape by its name; None if it is unknown."""
