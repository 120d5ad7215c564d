"""A plan as tables for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from orchestrator.compiler.lock import is_commit
from orchestrator.plan.kinds import facts_of
from orchestrator.plan.model import (
    ApprovedModel,
    GateCondition,
    HubModel,
    LocalPath,
    MetricSource,
    ParameterValue,
    S3Uri,
    Source,
    StepOutput,
)
from orchestrator.results.tables import new_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orchestrator.plan.model import Plan, PlannedGate, PlannedStep
    from orchestrator.results.model import Json

NARROW = 80
COMMIT_SHOWN = 12
WIDE = 110


def plan_to_json(plan: Plan) -> dict[str, Json]:
    """Return the plan as `fmo plan --json` prints it; steps are in order."""
    return {
        "name": plan.name,
        "description": plan.description,
        "parameters": {
            name: parameter.model_dump(mode="json", exclude_none=True)
            for name, parameter in plan.parameters.items()
        },
        "steps": [_step_to_json(step) for step in plan.steps],
    }


def plan_tables(plan: Plan, *, width: int) -> list[RenderableType]:
    """Return the plan's steps in order, and its parameters, as tables that fit `width`."""
    steps = new_table(f"{plan.name}: {len(plan.steps)} steps")
    steps.add_column("", justify="right", style="dim")
    for heading in ("step", "kind", "reads", "makes"):
        # A reference broken in two cannot be searched for: what is made gives way first.
        is_whole = heading == "reads" and width >= NARROW
        steps.add_column(heading, overflow="fold", no_wrap=is_whole)
    if width >= WIDE:
        steps.add_column("behind gates", overflow="fold")
    for index, step in enumerate(plan.steps, start=1):
        cells = [str(index), step.name, step.spec.kind, _reads(step), _makes(step)]
        cells += [", ".join(step.guards)] if width >= WIDE else []
        steps.add_row(*(Text(cell) for cell in cells))
    if not plan.parameters:
        return [steps]
    return [steps, _parameters(plan)]


def source_text(source: Source | ParameterValue | MetricSource) -> str:
    """Return a source as a spec writes it."""
    match source:
        case StepOutput(step=step, output=output):
            return f"${step}.{output}"
        case ParameterValue(name=name):
            return f"$params.{name}"
        case LocalPath(path=path):
            return path
        case S3Uri(uri=uri):
            return uri
        case HubModel(model_id=model_id, revision=revision):
            return f"hf://{model_id}@{revision}"
        case ApprovedModel(group=group):
            return f"$registry.{group}.approved"
        case MetricSource(step=step, metric=metric):
            return f"${step}.metrics.{metric}"


def _parameters(plan: Plan) -> RenderableType:
    table = new_table("Parameters")
    for heading in ("name", "type", "default", "local default"):
        table.add_column(heading, overflow="fold")
    for name, parameter in plan.parameters.items():
        default = "(must be set)" if parameter.default is None else str(parameter.default)
        local = "" if parameter.local is None else str(parameter.local)
        table.add_row(*(Text(cell) for cell in (name, parameter.type, default, local)))
    return table


def _reads(step: PlannedStep) -> str:
    reads = [f"{name}={_brief(source)}" for name, source in step.inputs.items()]
    return "\n".join(reads)


def _brief(source: Source) -> str:
    """Return a source as a spec writes it, a commit by its first characters."""
    if isinstance(source, HubModel) and is_commit(source.revision):
        return f"hf://{source.model_id}@{source.revision[:COMMIT_SHOWN]}"
    return source_text(source)


def _makes(step: PlannedStep) -> str:
    made = ", ".join(facts_of(step.spec).outputs)
    gates = [f"gate: {text}" for text in _gate_texts(step.gate)] if step.gate else []
    return "\n".join([made, *gates] if made else gates)


def _gate_texts(gate: PlannedGate) -> list[str]:
    return [_condition_text(condition) for condition in gate.conditions]


def _condition_text(condition: GateCondition) -> str:
    sign = ">=" if condition.comparison == "min" else "<="
    bound = condition.bound
    shown = f"{bound:g}" if isinstance(bound, int | float) else source_text(bound)
    return f"{condition.metric.metric} {sign} {shown}"


def _step_to_json(step: PlannedStep) -> dict[str, Json]:
    return {
        "name": step.name,
        "kind": step.spec.kind,
        "inputs": {name: source_text(source) for name, source in step.inputs.items()},
        "arguments": {name: source_text(value) for name, value in step.arguments.items()},
        "outputs": list(facts_of(step.spec).outputs),
        "depends_on": list(step.depends_on),
        "guards": list(step.guards),
        "gate": _gate_texts(step.gate) if step.gate else None,
    }
