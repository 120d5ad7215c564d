"""References checked against what exists: steps, outputs, metrics and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.plan.gates import bounds_of, gate_of, metrics_compared_by
from orchestrator.plan.model import (
    ApprovedModel,
    HubModel,
    LocalPath,
    MetricSource,
    ParameterValue,
    S3Uri,
    StepOutput,
)
from orchestrator.plan.parameters import JOB_FIELDS, NUMBERS, TEXT, setting_parameters
from orchestrator.plan.references import (
    Malformed,
    OutputReference,
    parse_location,
    parse_reference,
)
from orchestrator.spec.dangling import no_such_step
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.plan.kinds import Read, StepFacts
    from orchestrator.plan.model import Source
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec


@dataclass(frozen=True)
class Link:
    """A read and what it names; re-exports are not followed yet."""

    read: Read
    source: Source


@dataclass(frozen=True)
class StepLinks:
    """Everything that one step names."""

    links: tuple[Link, ...]
    metrics: tuple[tuple[str, MetricSource], ...]
    """Field and what it names, of a step of kind `gate`."""
    settings: tuple[tuple[str, ParameterValue], ...]
    """Field and parameter."""
    after: tuple[str, ...]

    def steps(self) -> dict[str, str]:
        """Return the steps named, each with the first field that names it."""
        named: dict[str, str] = {}
        for link in self.links:
            if isinstance(link.source, StepOutput):
                named.setdefault(link.source.step, link.read.field)
        for field, metric in self.metrics:
            named.setdefault(metric.step, field)
        for name in self.after:
            named.setdefault(name, "after")
        return named


def link_steps(
    spec: PipelineSpec, facts: Mapping[str, StepFacts], findings: Findings
) -> dict[str, StepLinks]:
    """Return what every step names; what does not exist is refused and left out."""
    linker = _Linker(spec, facts, findings)
    links = {name: linker.link_step(name) for name in spec.steps}
    for name in spec.parameters:
        if name not in linker.used:
            findings.warn(f"parameters.{name}", f"no step reads '$params.{name}'", "Remove it.")
    return links


@dataclass
class _Linker:
    spec: PipelineSpec
    facts: Mapping[str, StepFacts]
    findings: Findings

    def __post_init__(self) -> None:
        self.used: set[str] = set()

    def link_step(self, name: str) -> StepLinks:
        return StepLinks(
            tuple(self._links(name)),
            tuple(self._metrics(name)),
            tuple(self._settings(name)),
            tuple(
                other
                for other in self.spec.steps[name].after
                if self._step_exists(other, f"steps.{name}.after")
            ),
        )

    def _links(self, name: str) -> Iterator[Link]:
        for read in self.facts[name].reads:
            source = self._source(read, f"steps.{name}.{read.field}")
            if source is not None:
                yield Link(read, source)

    def _metrics(self, name: str) -> Iterator[tuple[str, MetricSource]]:
        for field, text in metrics_compared_by(self.spec.steps[name]):
            metric = self._metric(text, f"steps.{name}.{field}")
            if metric is not None:
                yield field, metric

    def _settings(self, name: str) -> Iterator[tuple[str, ParameterValue]]:
        step, where = self.spec.steps[name], f"steps.{name}"
        gate = gate_of(name, step, self.facts[name])
        for field, bound in bounds_of(gate, step):
            self._check_parameter(bound, NUMBERS, f"{where}.{field}")
        for field, text, types in setting_parameters(step, where, self.findings):
            parameter = parse_reference(text)
            if isinstance(parameter, ParameterValue):
                self._check_parameter(parameter.name, types, f"{where}.{field}")
                if field not in JOB_FIELDS:
                    yield field, parameter

    def _source(self, read: Read, where: str) -> Source | None:
        match parse_location(read.text):
            case Malformed(what=what, fix=fix):
                self.findings.refuse(where, what, fix)
            case ParameterValue(name=name) as value:
                types = () if read.wanted == "value" else TEXT
                self._check_parameter(name, types, where)
                return value
            case MetricSource() as metric:
                self.findings.refuse(
                    where,
                    f"'{read.text}' is one number of step {metric.step!r}",
                    "Only gates read single metrics; write $step.output.",
                )
            case ApprovedModel(group=group) if read.wanted == "value":
                what = f"'{read.text}' is a model, and a value is wanted here"
                fix = (
                    f"Name it in an input, such as `inputs: {{model: $registry.{group}.approved}}`."
                )
                self.findings.refuse(where, what, fix)
            case OutputReference(step=step, output=output):
                return self._output(step, output, read, where)
            case (LocalPath() | S3Uri() | HubModel() | ApprovedModel()) as literal:
                return literal
        return None

    def _output(self, step: str, output: str | None, read: Read, where: str) -> StepOutput | None:
        if not self._step_exists(step, where):
            return None
        facts = self.facts[step]
        chosen = output or facts.main
        if chosen is None:
            shown = ", ".join(f"${step}.{name}" for name in facts.outputs)
            fix = f"Write one of {shown}." if shown else f"Name its outputs in `steps.{step}`."
            self.findings.refuse(where, f"step {step!r} has no main output", fix)
            return None
        if chosen in facts.outputs:
            return StepOutput(step, chosen)
        if chosen == "metrics" and read.wanted == "metrics" and facts.has_metrics:
            return StepOutput(step, "metrics")
        hint = did_you_mean(chosen, facts.outputs, noun="outputs") or "It makes none."
        self.findings.refuse(where, f"step {step!r} has no output {chosen!r}", hint)
        return None

    def _metric(self, text: str, where: str) -> MetricSource | None:
        metric = parse_reference(text)
        if not isinstance(metric, MetricSource):
            self.findings.refuse(where, f"{text!r} names no metric", "Write $step.metrics.NAME.")
            return None
        if not self._step_exists(metric.step, where):
            return None
        if not self.facts[metric.step].has_metrics:
            kind = self.spec.steps[metric.step].kind
            fix = "Measure with a step of kind `evaluate`."
            if kind == "processing":
                fix = "Write `outputs: {metrics: json}` there, and metrics.json in its script."
            what = f"step {metric.step!r} of kind {kind!r} has no metrics"
            self.findings.refuse(where, what, fix)
            return None
        return metric

    def _check_parameter(self, name: str, types: tuple[str, ...], where: str) -> None:
        self.used.add(name)
        parameter = self.spec.parameters.get(name)
        if parameter is None:
            hint = did_you_mean(name, self.spec.parameters, noun="parameters")
            fix = hint or f"Add `parameters: {{{name}: {{type: {(types or TEXT)[0]}}}}}`."
            self.findings.refuse(where, f"there is no parameter {name!r}", fix)
        elif types and parameter.type not in types:
            self.findings.refuse(
                where,
                f"parameter {name!r} is of type {parameter.type}",
                f"Give it type {' or '.join(types)}.",
            )

    def _step_exists(self, name: str, where: str) -> bool:
        if name in self.spec.steps:
            return True
        what, fix = no_such_step(name, self.spec.steps, self.spec.parameters)
        self.findings.refuse(where, what, fix)
        return False
