"""Kind `dataset`: a Processing step that runs `prepare_dataset.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.compiler.new_rows import KNOWN, known_rows
from orchestrator.compiler.processing_job import processing_step
from orchestrator.plan.model import S3Uri

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.dataset import DatasetSpec


def compile_dataset(context: Context, step: PlannedStep, spec: DatasetSpec) -> Step:
    """Return the Processing step that formats, cleans and splits rows."""
    if not spec.count_new_rows:
        return processing_step(context, step, spec, outputs=("data", "metrics", "test"))
    remembered = {**step.inputs, KNOWN: S3Uri(known_rows(context, step.name))}
    counting = replace(step, inputs=remembered)
    return processing_step(context, counting, spec, outputs=("data", KNOWN, "metrics", "test"))
