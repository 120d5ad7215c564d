"""The user's own script, in whichever kind of step it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.spec.fields import Scalar, StepModel


@dataclass(frozen=True)
class OwnScript:
    """What a step says of a script of the user's."""

    script: str
    source_dir: str | None
    inputs: Mapping[str, str]
    """Input channel to where it comes from."""
    arguments: Mapping[str, Scalar]
    field: Literal["arguments", "hyperparameters"]
    """What the spec calls `arguments`."""
    metric_definitions: Mapping[str, str]
    smoke: Mapping[str, Scalar]
    """What wins over `arguments` in a smoke run."""


def own_script(spec: StepModel) -> OwnScript | None:
    """Return the user's script that the step runs; None if it runs one of ours, or none."""
    if isinstance(spec, ProcessingSpec):
        return OwnScript(
            spec.script,
            spec.source_dir,
            spec.inputs,
            spec.arguments,
            "arguments",
            spec.metric_definitions,
            spec.smoke,
        )
    if isinstance(spec, TrainSpec) and spec.script is not None:
        return OwnScript(
            spec.script,
            spec.source_dir,
            spec.inputs,
            spec.hyperparameters,
            "hyperparameters",
            spec.metric_definitions,
            spec.smoke,
        )
    return None
