"""The model card of a registered model: one JSON text, with what was measured filled in by AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.compiler.card_text import Quoted, json_text
from orchestrator.compiler.values import location, metric
from orchestrator.definition.registry import FOUND
from orchestrator.plan.model import MetricSource, ParameterValue, StepOutput
from orchestrator.plan.registry import MAY_BE_ABSENT
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.fields import JobModel
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import GateCondition, PlannedStep
    from orchestrator.spec.register import ModelCardSpec

EXAM_METRICS = ("loss", "perplexity", "rows")
"""What every exam measures, whatever its tasks are."""
TRAINING_METRICS = ("train/steps", "train/tokens", "train/seconds")
"""What every training with a script of ours measures."""
OBSERVATION_LENGTH = 2096
"""Characters of an `evaluation_observation` (SageMaker model card schema)."""
_WORDS = {"min": "at least", "max": "at most"}
_NOT_TOLD = frozenset(JobModel.model_fields) | {"kind", "gates"}


def model_card_content(context: Context, step: PlannedStep, spec: ModelCardSpec) -> Json:
    """Return the card's content, by SageMaker's model card schema without the model overview.

    The metrics are those that the gates before `step` decide on and those that every exam and
    training has: their names are known before anything runs, and their values are read when the
    model is registered.
    """
    card: dict[str, Json] = {
        "intended_uses": _given(intended_uses=spec.intended_uses, risk_rating=spec.risk_rating),
        "training_details": _given(
            training_observations=spec.training_data,
            training_job_details=_training(context, step),
        ),
        "evaluation_details": list(_evaluations(context, step)),
        "additional_information": _given(
            caveats_and_recommendations=spec.caveats,
            custom_details=_given(license=spec.license, out_of_scope_uses=spec.out_of_scope_uses),
        ),
    }
    return json_text(_given(**card))


def trained_by(context: Context, step: PlannedStep) -> PlannedStep | None:
    """Return the step that trained the model that `step` registers; None if none of ours did."""
    model = step.inputs["model"]
    maker = context.steps[model.step] if isinstance(model, StepOutput) else None
    is_ours = maker and isinstance(maker.spec, TrainSpec) and maker.spec.script is None
    return maker if is_ours else None


def _is_reward_model(context: Context, measured: PlannedStep) -> bool:
    """Whether what is measured gives scores to texts, of which an exam knows no loss."""
    trained = trained_by(context, measured)
    return trained is not None and getattr(trained.spec, "objective", None) == "reward"


def _given(**members: Json) -> dict[str, Json]:
    return {name: value for name, value in members.items() if value}


def _training(context: Context, step: PlannedStep) -> dict[str, Json]:
    trained = trained_by(context, step)
    if trained is None:
        return {}
    sources = [trained.inputs[name] for name in ("data", "model") if name in trained.inputs]
    return {
        "training_datasets": [Quoted(location(context, source)) for source in sources],
        "user_provided_hyper_parameters": list(_hyperparameters(trained)),
        "user_provided_training_metrics": [
            {"name": name, "value": metric(context, MetricSource(trained.name, name))}
            for name in TRAINING_METRICS
        ],
    }


def _hyperparameters(trained: PlannedStep) -> Iterator[Json]:
    spec = trained.spec
    written = spec.model_dump(mode="json", include=set(spec.model_fields_set) - _NOT_TOLD)
    for name in sorted(written):
        value = written[name]
        if isinstance(value, str | int | float):
            yield {"name": name, "value": value if isinstance(value, str) else json.dumps(value)}


def _evaluations(context: Context, step: PlannedStep) -> Iterator[Json]:
    gates = (context.steps[name].gate for name in step.guards)
    conditions = [condition for gate in gates if gate for condition in gate.conditions]
    names = {condition.metric.step for condition in conditions}
    metrics = step.inputs.get("metrics")
    if isinstance(metrics, StepOutput) and isinstance(
        context.steps[metrics.step].spec, EvaluateSpec
    ):
        names.add(metrics.step)
    for name in sorted(names):
        yield _evaluation(context, context.steps[name], conditions)


def _evaluation(
    context: Context, measured: PlannedStep, conditions: list[GateCondition]
) -> dict[str, Json]:
    own = [condition for condition in conditions if condition.metric.step == measured.name]
    gated = dict.fromkeys(condition.metric.metric for condition in own)
    # Without a champion what is said of it means nothing: the card tells whether there was one.
    if any(name.startswith(MAY_BE_ABSENT) for name in gated):
        gated[FOUND] = None
    is_exam = isinstance(measured.spec, EvaluateSpec) and not _is_reward_model(context, measured)
    groups = {"gates": list(gated), "exam": list(EXAM_METRICS) if is_exam else []}
    data = measured.inputs.get("data")
    return _given(
        name=measured.name,
        evaluation_observation="; ".join(map(_bound, own))[:OBSERVATION_LENGTH],
        datasets=[Quoted(location(context, data))] if is_exam and data else [],
        metric_groups=[
            {"name": group, "metric_data": [_datum(context, measured, name) for name in names]}
            for group, names in groups.items()
            if names
        ],
    )


def _datum(context: Context, measured: PlannedStep, name: str) -> Json:
    value = metric(context, MetricSource(measured.name, name))
    return {"name": name, "type": "number", "value": value}


def _bound(condition: GateCondition) -> str:
    match condition.bound:
        case ParameterValue(name=name):
            bound = f"the parameter {name}"
        case MetricSource(step=step, metric=name):
            bound = f"{name} of {step}"
        case number:
            bound = f"{number:.10g}"
    return f"gate: {condition.metric.metric} {_WORDS[condition.comparison]} {bound}"
