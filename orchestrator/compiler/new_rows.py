"""`count_new_rows` of a dataset: what it compares with, and the job that remembers afterwards.

A dataset step reads the keys of rows that earlier executions went on with, and behind its gate a
small job of the same code writes them anew once everything beside it has succeeded. So rows of an
execution that failed are still new to the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.compiler import job
from orchestrator.compiler.assets import Asset
from orchestrator.compiler.processing_job import job_input, job_output, processing_step
from orchestrator.compiler.values import step_output
from orchestrator.definition.model import CONDITION, Step
from orchestrator.definition.smoke import smoke_argument
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.model import StepOutput
from orchestrator.spec.dataset import DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep

KNOWN = "known"
"""The input, the output and the end of the name of the step that remembers."""
README = b"Keys of rows that training has had; `fmo` compares new data with them.\n"
"""Keeps the prefix from being empty: a Processing job fails on an input without objects."""


def known_rows(context: Context, step: str) -> str:
    """Return where the keys are, whatever the execution."""
    return f"{context.root}/known/{context.plan.name}/{step}/"


def known_rows_assets(context: Context) -> Iterator[Asset]:
    """Yield what must be there before the first execution of each step that counts."""
    for step in context.plan.steps:
        if isinstance(step.spec, DatasetSpec) and step.spec.count_new_rows:
            yield Asset(known_rows(context, step.name), {"README": README})


def remembering(context: Context, step: PlannedStep, behind: Sequence[Step]) -> tuple[Step, ...]:
    """Return the step that remembers the rows of `step`, if it counts them.

    Args:
        context: The compile.
        step: The step whose gate this is.
        behind: What lies directly behind the gate.

    Raises:
        SpecError: If only other gates lie there, for which no step can wait.
    """
    spec = step.spec
    if not isinstance(spec, DatasetSpec) or not spec.count_new_rows:
        return ()
    # SageMaker refuses a step that depends on a Condition step.
    after = tuple(sorted(one.name for one in behind if one.type != CONDITION))
    if not after:
        what = "only other gates lie behind its gate, so nothing says when its rows are used"
        raise SpecError(Problem(f"steps.{step.name}.count_new_rows", what, "Train before them."))
    request = processing_step(context, step, spec, outputs=()).arguments
    source = step_output(context, StepOutput(step.name, KNOWN))
    changed: dict[str, Json] = {
        **request,
        "AppSpecification": {
            **_members(request["AppSpecification"]),
            "ContainerArguments": [
                context.scripts[step.name], "--remember=true", smoke_argument(),
            ],
        },
        "ProcessingInputs": [
            job_input("code", context.code_uris[step.name]), job_input(KNOWN, source),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [job_output(KNOWN, known_rows(context, step.name))],
            **job.kms_key(context.environment),
        },
    }  # fmt: skip
    return (
        Step(
            name=f"{step.name}-{KNOWN}",
            type="Processing",
            arguments=changed,
            description="Remembers which rows training has had.",
            depends_on=after,
            retry_policies=job.job_retries(spec),
        ),
    )


def _members(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
