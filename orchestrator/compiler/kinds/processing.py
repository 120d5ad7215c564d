"""Kind `processing`: a Processing step that runs the user's script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler.processing_job import processing_step

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.processing import ProcessingSpec


def compile_processing(context: Context, step: PlannedStep, spec: ProcessingSpec) -> Step:
    """Return the Processing step of a user's script, with the outputs it declares."""
    return processing_step(context, step, spec, outputs=sorted(spec.outputs))
