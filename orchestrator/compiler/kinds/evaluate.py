"""Kind `evaluate`: a Processing step that runs `evaluate.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler.processing_job import processing_step

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.evaluate import EvaluateSpec


def compile_evaluate(context: Context, step: PlannedStep, spec: EvaluateSpec) -> Step:
    """Return the Processing step that measures a model.

    The re-exported model is no output of the job: the plan lets readers of `$exam.model` read the
    step that made it, behind this step's gate.
    """
    return processing_step(context, step, spec, outputs=("metrics", "samples"))
