"""Kind `dataset`: a Processing step that runs `prepare_dataset.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler.processing_job import processing_step

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.dataset import DatasetSpec


def compile_dataset(context: Context, step: PlannedStep, spec: DatasetSpec) -> Step:
    """Return the Processing step that formats, cleans and splits rows."""
    return processing_step(context, step, spec, outputs=("data", "metrics", "test"))
