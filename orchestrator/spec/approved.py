"""The step behind `$registry.GROUP.approved`, which nobody writes: the plan adds it."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.fields import Flag, JobModel


class ApprovedSpec(JobModel):
    """Asks the model registry, when the execution runs, for the newest approved version."""

    kind: Literal["approved"] = "approved"
    """No kind of a spec: a plan has one such step for each group that its spec names."""
    model_package_group_name: str
    """The group."""
    required: Flag
    """Whether a reader cannot do without a model; a comparison with a champion can."""
    cache: Flag = False
    """Never: a person may approve another version at any time."""
