"""Gates, on a step or of kind `gate`: a Condition step, with a Fail step behind it or nothing."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from orchestrator.compiler import job
from orchestrator.compiler.values import concatenated, metric
from orchestrator.definition.conditions import Comparison, Or
from orchestrator.definition.expressions import Get
from orchestrator.definition.model import Step
from orchestrator.definition.registry import FOUND
from orchestrator.definition.smoke import is_smoke
from orchestrator.plan.model import ApprovedModel, MetricSource, ParameterValue
from orchestrator.plan.registry import CHAMPION, MAY_BE_ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import GateCondition, PlannedGate, PlannedStep

FORGOTTEN = (
    "Against forgetting: replay_data with a larger replay_share, a lower learning_rate, fewer "
    "steps, a lower lora_r, or method: lora."
)
"""What helps where a bound on forgetting does not hold."""
_COMPARISONS = {"min": "GreaterThanOrEqualTo", "max": "LessThanOrEqualTo"}
_WORDS = {"min": "at least", "max": "at most"}


def compile_gate(
    context: Context, step: PlannedStep, gate: PlannedGate, behind: Sequence[Step]
) -> Step:
    """Return the Condition step of `gate`, with the steps `behind` it nested inside.

    SageMaker refuses a step that depends on a Condition step (sagemaker-python-sdk, issue 3565):
    nesting is the only way to wait for one.
    """
    comparisons = [_alternatives(context, condition) for condition in gate.conditions]
    open_in_smoke = is_smoke(wanted=True)
    alternatives = [list(chain.from_iterable(comparisons))] if gate.any else comparisons
    conditions: tuple[Json, ...] = tuple(Or([open_in_smoke, *each]) for each in alternatives)
    # A gate on a step waits for it by reading its metrics; `after` is then the step's own.
    own = step.spec.kind == "gate"
    return Step(
        name=f"{gate.step}-gate",
        type="Condition",
        description=job.description(step.spec) if own else None,
        depends_on=job.explicit_dependencies(context, step) if own else (),
        conditions=conditions,
        if_steps=tuple(behind),
        else_steps=(_fail_step(context, gate),) if gate.otherwise == "fail" else (),
    )


def _alternatives(context: Context, condition: GateCondition) -> list[Json]:
    """The condition, and what it also opens by: that there is no champion to compare with yet."""
    comparison = Comparison(
        _COMPARISONS[condition.comparison],
        metric(context, condition.metric),
        _bound(context, condition),
    )
    absent = dict.fromkeys(
        source.step
        for source in (condition.metric, condition.bound)
        if isinstance(source, MetricSource) and _may_be_absent(context, source)
    )
    return [*(_no_champion(context, step) for step in absent), comparison]


def _may_be_absent(context: Context, source: MetricSource) -> bool:
    champion = context.steps[source.step].inputs.get(CHAMPION)
    return source.metric.startswith(MAY_BE_ABSENT) and isinstance(champion, ApprovedModel)


def _no_champion(context: Context, step: str) -> Json:
    return Comparison("Equals", metric(context, MetricSource(step, FOUND)), 0)


def _fail_step(context: Context, gate: PlannedGate) -> Step:
    pieces: list[Json] = [f"{gate.step}: the gate did not open: "]
    for position, condition in enumerate(gate.conditions):
        separator = "" if position == 0 else " and " if gate.any else ", "
        pieces.append(f"{separator}{_name(gate, condition.metric)} is ")
        pieces.append(metric(context, condition.metric))
        pieces.append(f" ({'needs' if gate.any else 'must be'} {_WORDS[condition.comparison]} ")
        bound = _bound(context, condition)
        pieces.append(f"{bound:.10g}" if isinstance(bound, int | float) else bound)
        pieces.append(")")
    pieces.append(f". {FORGOTTEN}" if any(map(_is_forgetting, gate.conditions)) else ".")
    return Step(
        name=f"{gate.step}-gate-failed",
        type="Fail",
        arguments={"ErrorMessage": concatenated(pieces)},
    )


def _is_forgetting(condition: GateCondition) -> bool:
    return condition.metric.metric.startswith("forgetting.loss_delta")


def _bound(context: Context, condition: GateCondition) -> Json:
    match condition.bound:
        case MetricSource() as source:
            return metric(context, source)
        case ParameterValue(name):
            return Get(f"Parameters.{name}")
        case number:
            return number


def _name(gate: PlannedGate, source: MetricSource) -> str:
    return source.metric if source.step == gate.step else f"{source.step}.metrics.{source.metric}"
