"""Kind `generate`: a Training step that runs `generate.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler.kinds.train import in_progress_lines, training_step

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.generate import GenerateSpec


def compile_generate(context: Context, step: PlannedStep, spec: GenerateSpec) -> Step:
    """Return the Training step that writes completions.

    Training and not Processing, which has no spot instances, no checkpoints and fewer GPUs. The
    completions are a folder of what SageMaker takes for the model.
    """
    return training_step(context, step, spec, in_progress_lines(["tokens_per_second"]))
