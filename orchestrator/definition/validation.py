"""All that can be known to be wrong with a definition before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.definition.model import Definition
    from orchestrator.definition.shapes import Shapes
    from orchestrator.errors import Problem


def validate(definition: Definition, shapes: Shapes) -> tuple[Problem, ...]:
    """Return every problem of `definition`, in the order of its steps."""
    del definition, shapes
    return ()
