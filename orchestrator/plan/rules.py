"""Rules between steps: what may read what, and what a careful reader would ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.smoke import DOOR
from orchestrator.definition.smoke import NAMES as SMOKE_PARAMETERS
from orchestrator.plan.gates import metrics_compared_by
from orchestrator.plan.model import DATA_STEP, ApprovedModel, HubModel, MetricSource, StepOutput
from orchestrator.plan.references import parse_reference
from orchestrator.plan.registry import MAY_BE_ABSENT
from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dangling import NOT_STEPS
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.fields import Gates
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.own_script import own_script
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.suggest import did_you_mean
from orchestrator.spec.tracking import trackers_of
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.plan.kinds import StepFacts, Wanted
    from orchestrator.plan.model import PlannedStep, Source
    from orchestrator.plan.resolve import Resolver
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec, StepSpec

REFUSED: Mapping[Wanted, frozenset[str]] = {
    "data": frozenset(("model", "metrics", "arn")),
    "model": frozenset(("data", "metrics", "arn")),
    "metrics": frozenset(("data", "model", "files", "arn")),
    "files": frozenset(("arn",)),
    "value": frozenset(),
    "anything": frozenset(("arn",)),
}
READ_BY: Mapping[str, tuple[str, ...]] = {
    "tracking_uri": ("mlflow",),
    "project": ("mlflow", "wandb"),
    "run_name": ("mlflow", "wandb"),
}
"""What a training says of trackers, to those that read it."""
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


def names_are_free(spec: PipelineSpec, gated: frozenset[str], findings: Findings) -> None:
    """Refuse steps and parameters whose names mean something else."""
    for name in spec.parameters:
        if name in SMOKE_PARAMETERS:
            what = f"every definition has a parameter {name!r} of its own, for smoke runs"
            findings.refuse(f"parameters.{name}", what, "Rename yours.")
    for name in spec.steps:
        if name in NOT_STEPS:
            findings.refuse(
                f"steps.{name}", f"'${name}' already means something else", "Rename the step."
            )
        for ending in ("-gate", "-gate-failed", "-known", DOOR, DATA_STEP):
            owner = name.removesuffix(ending)
            if owner != name and _makes_step(
                spec.steps.get(owner), ending, is_gated=owner in gated
            ):
                part = "data" if ending == DATA_STEP else "gate"
                findings.refuse(
                    f"steps.{name}",
                    f"the {part} of step {owner!r} takes the name {name!r}",
                    "Rename one of the two.",
                )


def _makes_step(step: StepSpec | None, ending: str, *, is_gated: bool) -> bool:
    """Whether a step named like `step` with this ending is made beside it."""
    if ending == DATA_STEP:
        return isinstance(step, BedrockSpec | JumpstartSpec)
    match ending:
        case "-gate" | "-gate-failed" | "-known":
            return is_gated
        case _:
            return isinstance(step, BedrockSpec | BedrockImportSpec | RegisterSpec)


def reads_fit(resolver: Resolver, findings: Findings) -> None:
    """Refuse a model given as data, data given as a model, and the like."""
    earlier: dict[str, str] = {}
    """What the main output of a step before this one holds, to that step."""
    for name in resolver.order:
        for link in resolver.links[name].links:
            source = resolver.resolved[name, link.read.field].source
            content = _content(resolver.facts, source)
            if content in REFUSED[link.read.wanted]:
                findings.refuse(
                    f"steps.{name}.{link.read.field}",
                    f"'{link.read.text}' is {_noun(content)}, and "
                    f"{_noun(link.read.wanted)} is wanted here",
                    _alternative(earlier.get(link.read.wanted)),
                )
        facts = resolver.facts[name]
        if facts.main is not None:
            earlier.setdefault(facts.outputs[facts.main], name)


def tracking_settings_have_effect(spec: PipelineSpec, findings: Findings) -> None:
    """Warn about what a step tells trackers that it does not report to.

    A default of the team may say it: it holds for the steps that do report.
    """
    for name, step in spec.steps.items():
        if not isinstance(step, TrainSpec):
            continue
        trackers = set(trackers_of(step.report_to))
        for field, readers in READ_BY.items():
            where = f"steps.{name}.{field}"
            written = field in step.model_fields_set and where not in findings.origins
            if written and trackers.isdisjoint(readers):
                wanted = " or ".join(readers)
                findings.warn(
                    where,
                    f"it has no effect unless `report_to` names {wanted}",
                    f"Write `report_to: {readers[0]}`, or remove it.",
                )


def instances_share_the_work(spec: PipelineSpec, findings: Findings) -> None:
    """Warn about several instances where each would do the whole work and write the same files."""
    for name, step in spec.steps.items():
        if isinstance(step, DatasetSpec | EvaluateSpec) and step.instance_count != 1:
            findings.warn(
                f"steps.{name}.instance_count",
                f"kind `{step.kind}` does not share its work: every instance would do all of it",
                "Remove it, and choose a larger `instance_type`.",
            )


def evaluations_compare(resolver: Resolver, findings: Findings) -> None:
    """Warn about a model compared with itself or examined on the rows it was trained on."""
    resolved = resolver.resolved
    for name, step in resolver.spec.steps.items():
        if not isinstance(step, EvaluateSpec):
            continue
        model, base = resolved.get((name, "model")), resolved.get((name, "base_model"))
        if model and base and model.source == base.source:
            findings.warn(
                f"steps.{name}.base_model",
                f"'{step.base_model}' is the model examined",
                "Name the model from before training.",
            )
        data = resolved.get((name, "data"))
        if model and data and data.source in _trained_on(model.source, resolver):
            findings.warn(
                f"steps.{name}.data",
                f"the model was trained on '{step.data}'",
                "Write the sealed rows, such as `$split.test`.",
            )


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


def approvals_are_guarded(steps: tuple[PlannedStep, ...], findings: Findings) -> None:
    """Warn about a model that is approved although nothing was measured first."""
    for step in steps:
        spec = step.spec
        approved = isinstance(spec, RegisterSpec) and spec.approval_status == "Approved"
        if approved and not step.guards:
            findings.warn(
                f"steps.{step.name}.approval_status",
                "the model is approved at once and no gate stands before it",
                "Put `gates` on the step that examines it, and register that step's `model`.",
            )


def readers_wait_for_gates(
    steps: tuple[PlannedStep, ...], resolver: Resolver, findings: Findings
) -> None:
    """Warn about a reader that goes around the gate that examines what it reads."""
    gated = frozenset(step.name for step in steps if step.gate)
    doors: dict[Source, list[StepOutput]] = {}
    for output, inner in resolver.reexports.items():
        if output.step in gated and isinstance(inner.source, StepOutput):
            doors.setdefault(inner.source, []).append(output)
    for step in steps:
        if step.gate is not None or isinstance(step.spec, EvaluateSpec):
            continue  # It measures, itself.
        for link in resolver.links[step.name].links:
            source = resolver.resolved[step.name, link.read.field].source
            for door in doors.get(source, ()):
                if door.step not in step.guards:
                    findings.warn(
                        f"steps.{step.name}.{link.read.field}",
                        f"'{link.read.text}' goes around the gate of step {door.step!r}",
                        f"Write '${door.step}.{door.output}' to wait for it.",
                    )


def _without_prefix(metric: str) -> str:
    """Return the metric in `base.METRIC.TASK`, `baseline.NAME.METRIC.TASK` or `METRIC.TASK`."""
    first, *rest = metric.removeprefix(MAY_BE_ABSENT).split(".")
    if first in {"retention", "harm"}:
        return _without_prefix(".".join(rest)) if rest else metric
    before = {"base": 0, "difference": 0, "forgetting": 0, "p_value": 0, "baseline": 1}
    if first not in before:
        return first
    return rest[before[first]] if len(rest) > before[first] else metric


def _content(facts: Mapping[str, StepFacts], source: Source) -> str:
    if isinstance(source, StepOutput):
        return facts[source.step].outputs.get(source.output, "metrics")
    return "model" if isinstance(source, HubModel | ApprovedModel) else "files"


def _noun(word: str) -> str:
    return {"model": "a model", "metrics": "a table of metrics", "arn": "an ARN"}.get(word, word)


def _alternative(step: str | None) -> str:
    return f"Write '${step}', for example." if step else "Name another step's output, or a path."


def _trained_on(model: Source, resolver: Resolver) -> Iterator[Source]:
    while isinstance(model, StepOutput):
        # Of a script of the user's, by the names that channels usually have.
        for field in ("data", "inputs.data", "inputs.train", "inputs.training"):
            data = resolver.resolved.get((model.step, field))
            if data is not None:
                yield data.source
        parent = resolver.resolved.get((model.step, "model_name_or_path"))
        if parent is None:
            return
        model = parent.source
