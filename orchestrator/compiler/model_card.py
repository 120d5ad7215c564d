"""The model card of a registered model: one JSON text, with the gated metrics filled in by AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.compiler.values import concatenated, metric
from orchestrator.plan.model import MetricSource
from orchestrator.plan.registry import FOUND, MAY_BE_ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.register import ModelCardSpec


def model_card_content(context: Context, step: PlannedStep, spec: ModelCardSpec) -> Json:
    """Return the card's content, by SageMaker's model card schema without the model overview.

    The metrics are those that the gates before `step` decide on: their names are known before
    anything runs, and their values are read when the model is registered.
    """
    written = json.dumps(_written(spec), sort_keys=True)
    metrics = _gated_metrics(context, step)
    if not metrics:
        return written
    start = f'{written[:-1]}, "evaluation_details": ['
    return concatenated([start, *_details(context, metrics), "]}"])


def _written(spec: ModelCardSpec) -> dict[str, Json]:
    card: dict[str, Json] = {
        "intended_uses": _given(intended_uses=spec.intended_uses, risk_rating=spec.risk_rating),
        "training_details": _given(training_observations=spec.training_data),
        "additional_information": _given(
            caveats_and_recommendations=spec.caveats,
            custom_details=_given(out_of_scope_uses=spec.out_of_scope_uses),
        ),
    }
    return _given(**card)


def _given(**members: Json) -> dict[str, Json]:
    return {name: value for name, value in members.items() if value}


def _gated_metrics(context: Context, step: PlannedStep) -> tuple[MetricSource, ...]:
    gates = (context.steps[name].gate for name in step.guards)
    found = [condition.metric for gate in gates if gate for condition in gate.conditions]
    # Without a champion what is said of it means nothing: the card tells whether there was one.
    absent = [source.step for source in found if source.metric.startswith(MAY_BE_ABSENT)]
    told = [MetricSource(step, FOUND) for step in absent]
    return tuple(dict.fromkeys([*found, *told]))


def _details(context: Context, metrics: Sequence[MetricSource]) -> list[Json]:
    steps = sorted({source.step for source in metrics})
    pieces: list[Json] = []
    for step in steps:
        start = f'{{"name": {json.dumps(step)}, "metric_groups": [{{"name": "gates", '
        pieces.append(f'{", " if pieces else ""}{start}"metric_data": [')
        pieces.extend(_data(context, [source for source in metrics if source.step == step]))
        pieces.append("]}]}")
    return pieces


def _data(context: Context, metrics: Sequence[MetricSource]) -> list[Json]:
    pieces: list[Json] = []
    for source in metrics:
        start = f'{{"name": {json.dumps(source.metric)}, "type": "number", "value": '
        pieces += [f"{', ' if pieces else ''}{start}", metric(context, source), "}"]
    return pieces
