"""What steps measure, by name, so that a gate on anything else is told before it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.gates import metrics_compared_by
from orchestrator.plan.model import MetricSource
from orchestrator.plan.references import parse_reference
from orchestrator.plan.registry import MAY_BE_ABSENT
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.fields import Gates
from orchestrator.spec.own_script import own_script
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.suggest import did_you_mean
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec, StepSpec

EXAM_METRICS = frozenset(
    (
        "accuracy",
        "brier",
        "calibration_error",
        "exact_match",
        "loss",
        "margin_length_correlation",
        "perplexity",
        "preference_accuracy",
        "preference_accuracy_sum",
        "reward_margin",
        "rouge_l",
    )
)
"""What `evaluate` measures of a model; a dot and a task's name may follow."""
EXAM_COUNTS = frozenset(("rows", "leaked_rows", "contaminated_rows", "contaminated_share"))
CHAMPION_FACTS = frozenset(("found", "version"))
"""What `evaluate` says of the champion beside its metrics."""
FORGETTING_METRICS = frozenset(("loss_delta", "accuracy_delta"))
"""What `evaluate` measures with `retention`, behind `forgetting.`."""
HARM_METRICS = frozenset(("toxicity", "refusal", "stereotype", "scorer"))
"""What `evaluate` measures of harm, behind `harm.`."""
TRAIN_OBJECTIVES = ("pretrain", "continued_pretrain", "sft")
TRAIN_METRICS = frozenset(
    (
        *("eval/accuracy", "eval/loss", "eval/perplexity"),
        *("train/loss", "train/parameters", "train/seconds", "train/steps", "train/tokens"),
        *("train/tokens_per_second", "train/trainable_parameters"),
    )
)
"""What training with one of `TRAIN_OBJECTIVES` measures."""


def gates_name_what_is_measured(spec: PipelineSpec, findings: Findings) -> None:
    """Warn about a bound on a metric that is never written: it would fail after training."""
    _gates_name_what_is_printed(spec, findings)
    for field, owner, metric in _bounded(spec):
        step = spec.steps.get(owner)
        known = _measured_by(step)
        of_champion = metric.startswith(MAY_BE_ABSENT)
        if of_champion and isinstance(step, EvaluateSpec) and not step.champion:
            what = f"step {owner!r} compares with no champion, so the gate would fail"
            findings.warn(field, what, "Write `champion: $registry.GROUP.approved` there.")
        if of_champion and metric.removeprefix(MAY_BE_ABSENT) in CHAMPION_FACTS:
            continue
        measured = _without_prefix(metric) if isinstance(step, EvaluateSpec) else metric
        if step is not None and known and measured not in known:
            fix = did_you_mean(measured, sorted(known), noun="metrics")
            if measured in FORGETTING_METRICS:
                fix = "Set `retention` to what must not be forgotten."
            if measured in HARM_METRICS:
                fix = "Set `harm_prompts` or `stereotype_pairs`."
            what = f"`{step.kind}` measures no {measured!r}, so the gate would fail"
            findings.warn(field, what, fix)


def _bounded(spec: PipelineSpec) -> Iterator[tuple[str, str, str]]:
    """Yield field, step and metric of everything that a gate compares."""
    for name, step in spec.steps.items():
        if isinstance(step, EvaluateSpec | TrainSpec):
            for side, bounds in (("max", step.gates.max), ("min", step.gates.min)):
                yield from ((f"steps.{name}.gates.{side}.{bound}", name, bound) for bound in bounds)
        for field, text in metrics_compared_by(step):
            source = parse_reference(text)
            if isinstance(source, MetricSource):
                yield f"steps.{name}.{field}", source.step, source.metric


def _measured_by(step: StepSpec | None) -> frozenset[str]:
    """Return every metric that the step can write; nothing where that is not known here."""
    if isinstance(step, EvaluateSpec):
        forgotten = FORGETTING_METRICS if step.retention is not None else frozenset[str]()
        asks_harm = step.harm_prompts is not None or step.stereotype_pairs is not None
        harm = HARM_METRICS if asks_harm else frozenset[str]()
        return EXAM_METRICS | EXAM_COUNTS | forgotten | harm
    if isinstance(step, TrainSpec) and step.objective in TRAIN_OBJECTIVES:
        return TRAIN_METRICS
    return frozenset()


def _gates_name_what_is_printed(spec: PipelineSpec, findings: Findings) -> None:
    for name, step in spec.steps.items():
        script = own_script(step)
        if script is None or not script.metric_definitions:
            continue  # Then the script writes metrics.json, and only it knows the names.
        for where, metric in _bounded_metrics(name, step):
            if metric not in script.metric_definitions:
                findings.warn(
                    where,
                    f"`metric_definitions` finds no {metric!r}",
                    did_you_mean(metric, script.metric_definitions, noun="metrics"),
                )


def _bounded_metrics(name: str, step: StepSpec) -> Iterator[tuple[str, str]]:
    gates = step.gates if isinstance(step, ProcessingSpec | TrainSpec) else Gates()
    for side, bounds in (("max", gates.max), ("min", gates.min)):
        for metric in bounds:
            yield f"steps.{name}.gates.{side}.{metric}", metric


def _without_prefix(metric: str) -> str:
    """Return the metric in `base.METRIC.TASK`, `baseline.NAME.METRIC.TASK` or `METRIC.TASK`."""
    first, *rest = metric.removeprefix(MAY_BE_ABSENT).split(".")
    if first in {"retention", "harm"}:
        return _without_prefix(".".join(rest)) if rest else metric
    before = {"base": 0, "difference": 0, "forgetting": 0, "p_value": 0, "baseline": 1}
    if first not in before:
        return first
    return rest[before[first]] if len(rest) > before[first] else metric
