"""What finds `$registry.GROUP.approved`: a Processing step that asks the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.compiler.processing_job import processing_step
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.kinds import facts_of
from orchestrator.plan.registry import APPROVED

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.approved import ApprovedSpec


def compile_approved(context: Context, step: PlannedStep, spec: ApprovedSpec) -> Step:
    """Return the step that writes where the newest approved version is, for `Std:JsonGet`.

    It is never taken from the cache: which version is approved can change at any time.

    Raises:
        SpecError: If the environment's jobs reach no network, and so no registry.
    """
    if context.environment.network_isolation:
        raise SpecError(_unreachable(context, spec))
    return processing_step(context, step, spec, outputs=(APPROVED,))


def _unreachable(context: Context, spec: ApprovedSpec) -> list[Problem]:
    name = context.environment.name
    text = f"$registry.{spec.model_package_group_name}.approved"
    fields = [
        f"steps.{step.name}.{read.field}"
        for step in context.plan.steps
        for read in facts_of(step.spec).reads
        if read.text == text
    ]
    what = f"a job asks the model registry, and environment {name!r} cuts its jobs off from it"
    fix = "Write the model's s3:// address, or remove `network_isolation: true`."
    return [Problem(field, what, fix) for field in fields]
