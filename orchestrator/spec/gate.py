"""Step kind `gate`: one condition over the metrics of several steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.spec.fields import (
    Broken,
    ChannelName,
    Flag,
    Number,
    ParameterReference,
    Reference,
    SpecModel,
    StepModel,
)

MetricReference = Annotated[
    str, StringConstraints(pattern=r"^\$[A-Za-z0-9_-]+\.metrics\.[^\s.$][^\s$]*$")
]
"""`$step.metrics.NAME`: one number of a step's metrics."""


class GateConditionSpec(SpecModel):
    """One comparison: `{metric: $exam.metrics.accuracy, min: 0.8}`; exactly one bound."""

    metric: MetricReference
    """`$step.metrics.NAME`."""
    min: Number | ParameterReference | MetricReference | None = None
    """A number, `$params.Name`, or another `$step.metrics.NAME`."""
    max: Number | ParameterReference | MetricReference | None = None
    """As `min`."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield a condition with no bound or with two."""
        if self.min is None and self.max is None:
            yield Broken("", "the condition has no bound", "Write `min:` or `max:`.")
        if self.min is not None and self.max is not None:
            yield Broken("", "the condition has two bounds", "Write a condition for each.")


class GateSpec(StepModel):
    """Passes when every condition holds; otherwise the execution fails with the values found."""

    kind: Literal["gate"] = "gate"
    """The step's kind."""
    conditions: Annotated[tuple[GateConditionSpec, ...], Field(min_length=1)]
    """What must hold."""
    any: Flag = False
    """Whether one condition is enough."""
    otherwise: Literal["fail", "stop"] = "fail"
    """What a gate that stays shut does: fail the execution, or end it there as a success."""
    passes: dict[ChannelName, Reference] = Field(default_factory=dict)
    """What readers get from here once the gate is open: `{model: $sft.model}`."""
