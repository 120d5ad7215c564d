"""Step kind `gate`: one condition over the metrics of several steps."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.fields import Float, SpecModel, StepModel


class GateConditionSpec(SpecModel):
    """One comparison: `{metric: $exam.metrics.accuracy, min: 0.8}`; exactly one bound."""

    metric: str
    """`$step.metrics.NAME`."""
    min: Float | str | None = None
    """A number, `$params.Name`, or another `$step.metrics.NAME`."""
    max: Float | str | None = None


class GateSpec(StepModel):
    """Passes when every condition holds; otherwise the execution fails with the values found."""

    kind: Literal["gate"] = "gate"
    conditions: tuple[GateConditionSpec, ...]
    any: bool = False
    """Whether one condition is enough."""
    passes: dict[str, str] = {}
    """What readers get from here once the gate is open: `{model: $sft.model}`."""
