"""Rules between steps: what may read what, and what a careful reader would ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.smoke import DOOR
from orchestrator.definition.smoke import NAMES as SMOKE_PARAMETERS
from orchestrator.plan.model import DATA_STEP, ApprovedModel, HubModel, StepOutput
from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dangling import NOT_STEPS
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.register import RegisterSpec
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
