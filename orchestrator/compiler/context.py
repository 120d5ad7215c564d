"""What compiling one step may know beside the step: where everything it names is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.compiler.environment import Environment
    from orchestrator.plan.model import Plan, PlannedStep


@dataclass(frozen=True)
class Context:
    """One compile: the plan, the environment, and where code, data and models are stored."""

    plan: Plan
    environment: Environment
    steps: Mapping[str, PlannedStep]
    """The plan's steps by name."""
    scripts: Mapping[str, str]
    """Step name to its script, relative to the step's code."""
    code_uris: Mapping[str, str]
    """Step name to the code asset of its job."""
    data_uris: Mapping[str, str]
    """Local path as written to the data asset."""

    @property
    def root(self) -> str:
        """Where this pipeline's things live: `s3://BUCKET/fmo`."""
        return self.environment.root
