"""A spec to a plan: references resolved, steps ordered, guards known, rules checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.model import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.errors import Problem
    from orchestrator.spec.pipeline import PipelineSpec

NO_LINES: Mapping[str, int] = {}


def build_plan(
    spec: PipelineSpec, *, file: Path | None = None, lines: Mapping[str, int] = NO_LINES
) -> tuple[Plan, tuple[Problem, ...]]:
    """Return the plan of `spec`, and warnings."""
    raise NotImplementedError
