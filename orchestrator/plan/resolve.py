"""Links followed through re-exports, in topological order, to planned steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.plan.gates import gate_of, guards_of
from orchestrator.plan.model import ParameterValue, PlannedStep, StepOutput
from orchestrator.spec.register import RegisterSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.plan.kinds import StepFacts
    from orchestrator.plan.links import StepLinks
    from orchestrator.plan.model import PlannedGate, Source
    from orchestrator.spec.pipeline import PipelineSpec


@dataclass(frozen=True)
class Resolved:
    """Where something really comes from."""

    source: Source
    through: tuple[str, ...] = ()
    """The steps that re-export it, the reader's side first."""


@dataclass
class Resolver:
    """Plans steps one after the other; each must follow what it reads."""

    spec: PipelineSpec
    facts: Mapping[str, StepFacts]
    links: Mapping[str, StepLinks]
    order: tuple[str, ...]
    reexports: dict[StepOutput, Resolved] = field(default_factory=dict)
    resolved: dict[tuple[str, str], Resolved] = field(default_factory=dict)
    """Step and field to what was read there."""

    def plan_steps(self) -> tuple[PlannedStep, ...]:
        """Return every step planned, in order."""
        gates = {
            name: gate_of(name, self.spec.steps[name], self.facts[name]) for name in self.order
        }
        gated = frozenset(name for name, gate in gates.items() if gate)
        position = {name: index for index, name in enumerate(self.order)}
        guards: dict[str, tuple[str, ...]] = {}
        planned = []
        for name in self.order:
            needed = self._resolve_step(name)
            guards[name] = guards_of(needed, gated, guards, position)
            planned.append(self._planned(name, needed, guards[name], gates[name]))
        return tuple(planned)

    def _resolve_step(self, name: str) -> tuple[str, ...]:
        links = self.links[name]
        needed = set(links.steps())
        for link in links.links:
            resolved = self._follow(link.source)
            self.resolved[name, link.read.field] = resolved
            if isinstance(resolved.source, StepOutput):
                needed.add(resolved.source.step)
        self._export(name)
        return tuple(sorted(needed))

    def _follow(self, source: Source) -> Resolved:
        if isinstance(source, StepOutput):
            return self.reexports.get(source, Resolved(source))
        return Resolved(source)

    def _export(self, name: str) -> None:
        for output, read in self.facts[name].reexports.items():
            inner = self.resolved.get((name, read))
            if inner is not None:
                through = (name, *inner.through)
                self.reexports[StepOutput(name, output)] = Resolved(inner.source, through)

    def _planned(
        self, name: str, needed: tuple[str, ...], guards: tuple[str, ...], gate: PlannedGate | None
    ) -> PlannedStep:
        inputs: dict[str, Source] = {}
        arguments: dict[str, ParameterValue | StepOutput] = {}
        for link in self.links[name].links:
            source = self.resolved[name, link.read.field].source
            if link.read.channel is not None:
                inputs[link.read.channel] = source
            elif link.read.wanted == "value" and isinstance(source, ParameterValue | StepOutput):
                arguments[_argument(link.read.field)] = source
        arguments.update(self.links[name].settings)
        metrics = self._metrics_of_model(name)
        if metrics is not None:
            inputs.setdefault("metrics", metrics)
            if metrics.step not in needed:
                needed = tuple(sorted((*needed, metrics.step)))
        return PlannedStep(
            name=name,
            spec=self.spec.steps[name],
            inputs=inputs,
            arguments=arguments,
            depends_on=needed,
            guards=guards,
            gate=gate,
        )

    def _metrics_of_model(self, name: str) -> StepOutput | None:
        spec = self.spec.steps[name]
        if not isinstance(spec, RegisterSpec) or spec.metrics is not None:
            return None
        model = self.resolved.get((name, "model"))
        if model is None:
            return None
        makers = (*model.through, *_step_of(model.source))
        for maker in makers:
            if self.facts[maker].has_metrics:
                return StepOutput(maker, "metrics")
        return None


def _argument(field: str) -> str:
    """Return the name in `arguments.NAME` or `hyperparameters.NAME`."""
    return field.partition(".")[2]


def _step_of(source: Source) -> tuple[str, ...]:
    return (source.step,) if isinstance(source, StepOutput) else ()
