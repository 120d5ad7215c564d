"""`$registry.GROUP.approved`: one step for each group that asks the registry when it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from orchestrator.definition.registry import GROUP_VARIABLE
from orchestrator.plan.model import ApprovedModel, MetricSource, PlannedStep, StepOutput
from orchestrator.spec.approved import ApprovedSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.spec.findings import Findings

CHAMPION = "champion"
"""The channel that may stay without a model: nothing is approved before the first run."""
RECORD = "champion_record"
"""The channel that says which version the champion is, or that there is none yet."""
APPROVED = "approved"
"""The output of the step that asks: `approved.json`."""
MAY_BE_ABSENT = "champion."
"""How metrics start that there are only with a champion."""
ASKING_SECONDS = 900
"""Two calls; what takes longer hangs."""


def group_steps_are_free(steps: Sequence[PlannedStep], findings: Findings) -> None:
    """Refuse steps that have the name of one that asks the registry."""
    asked = {model.step: model for _, _, model in approved_models(steps)}
    for step in steps:
        if step.name in asked:
            text = f"$registry.{asked[step.name].group}.approved"
            what = f"the step that finds '{text}' takes the name {step.name!r}"
            findings.refuse(f"steps.{step.name}", what, "Rename yours.")


def with_registry_steps(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Return `steps` behind one step for each group whose approved version they read."""
    found = tuple(approved_models(steps))
    groups = {model.group: model for _, _, model in found}
    needed = {model.group for _, channel, model in found if channel != CHAMPION}
    asking = tuple(_asking(groups[group], required=group in needed) for group in sorted(groups))
    return (*asking, *(_reading(step) for step in steps))


def approved_models(steps: Sequence[PlannedStep]) -> Iterator[tuple[str, str, ApprovedModel]]:
    """Yield step, channel and model of every read of an approved version."""
    for step in steps:
        for channel, source in step.inputs.items():
            if isinstance(source, ApprovedModel):
                yield step.name, channel, source


def gated_champion_metrics(steps: Sequence[PlannedStep], examined: str) -> tuple[str, ...]:
    """Return the metrics on the champion of step `examined` that gates compare, sorted."""
    gates = [step.gate for step in steps if step.gate]
    sources = [
        source
        for gate in gates
        for condition in gate.conditions
        for source in (condition.metric, condition.bound)
    ]
    return tuple(sorted({source.metric for source in sources if _is_of(source, examined)}))


def _is_of(source: object, step: str) -> TypeGuard[MetricSource]:
    return (
        isinstance(source, MetricSource)
        and source.step == step
        and source.metric.startswith(MAY_BE_ABSENT)
    )


def _asking(model: ApprovedModel, *, required: bool) -> PlannedStep:
    return PlannedStep(
        name=model.step,
        spec=ApprovedSpec(
            model_package_group_name=model.group,
            required=required,
            environment={GROUP_VARIABLE: model.group},
            max_runtime_seconds=ASKING_SECONDS,
        ),
        inputs={},
        arguments={},
        depends_on=(),
        guards=(),
    )


def _reading(step: PlannedStep) -> PlannedStep:
    asked = {source.step for source in step.inputs.values() if isinstance(source, ApprovedModel)}
    champion = step.inputs.get(CHAMPION)
    inputs = dict(step.inputs)
    if step.spec.kind == "evaluate" and isinstance(champion, ApprovedModel):
        inputs[RECORD] = StepOutput(champion.step, APPROVED)
    depends_on = tuple(sorted({*step.depends_on, *asked}))
    return replace(step, inputs=inputs, depends_on=depends_on) if asked else step
