"""A spec to a plan: references resolved, steps ordered, guards known, rules checked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.plan.gates import gate_of
from orchestrator.plan.kinds import facts_of
from orchestrator.plan.links import link_steps
from orchestrator.plan.measured import gates_name_what_is_measured
from orchestrator.plan.methods import limits_of_methods_are_told, models_are_whole
from orchestrator.plan.model import Plan
from orchestrator.plan.objectives import data_fit_objectives, settings_have_effect
from orchestrator.plan.order import find_cycles, order_steps
from orchestrator.plan.registry import group_steps_are_free, with_registry_steps
from orchestrator.plan.resolve import Resolver
from orchestrator.plan.rules import (
    approvals_are_guarded,
    evaluations_compare,
    instances_share_the_work,
    names_are_free,
    readers_wait_for_gates,
    reads_fit,
    tracking_settings_have_effect,
)
from orchestrator.plan.schedule import schedule_fits
from orchestrator.plan.seal import training_never_reads_test_rows
from orchestrator.plan.secrets import no_secret_is_written, secrets_of_steps
from orchestrator.spec.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.errors import Problem
    from orchestrator.plan.links import StepLinks
    from orchestrator.spec.findings import Origin
    from orchestrator.spec.pipeline import PipelineSpec
    from orchestrator.spec.project import SecretSpec

NO_LINES: Mapping[str, int] = {}
NO_ORIGINS: Mapping[str, Origin] = {}
NO_SECRETS: Mapping[str, SecretSpec] = {}


def build_plan(
    spec: PipelineSpec,
    *,
    file: Path | None = None,
    lines: Mapping[str, int] = NO_LINES,
    origins: Mapping[str, Origin] = NO_ORIGINS,
    secrets: Mapping[str, SecretSpec] = NO_SECRETS,
) -> tuple[Plan, tuple[Problem, ...]]:
    """Return the plan of `spec`, and warnings.

    Args:
        spec: What the user wrote.
        file: Where; it goes into problems and warnings.
        lines: Path in the spec to its line in `file`, as `load_spec_with_lines` returns it.
        origins: Path in the spec to where its value stands, if a default gave it.
        secrets: What the project file declares.

    Raises:
        SpecError: With every problem found.
    """
    findings = Findings(file, dict(lines), origins=origins)
    facts = {name: facts_of(step) for name, step in spec.steps.items()}
    gated = frozenset(name for name, step in spec.steps.items() if gate_of(name, step, facts[name]))
    names_are_free(spec, gated, findings)
    _check_each_step(spec, findings)
    named = secrets_of_steps(spec, secrets, findings)
    links = link_steps(spec, facts, findings)
    order, left = order_steps({name: tuple(found.steps()) for name, found in links.items()})
    _refuse_cycles(find_cycles(left), links, findings)
    if left:
        findings.raise_problems()
    resolver = Resolver(spec, facts, links, order)
    steps = tuple(replace(step, secrets=named.get(step.name, {})) for step in resolver.plan_steps())
    reads_fit(resolver, findings)
    data_fit_objectives(resolver, findings)
    models_are_whole(resolver, findings)
    training_never_reads_test_rows(resolver, findings)
    group_steps_are_free(steps, findings)
    findings.raise_problems()
    evaluations_compare(resolver, findings)
    gates_name_what_is_measured(spec, findings)
    approvals_are_guarded(steps, findings)
    readers_wait_for_gates(steps, resolver, findings)
    everything = with_registry_steps(steps)
    plan = Plan(
        spec.name, spec.description, spec.parameters, everything, spec.schedule, spec.notify
    )
    return plan, tuple(sorted(findings.warnings, key=lambda warning: warning.line or 0))


def _check_each_step(spec: PipelineSpec, findings: Findings) -> None:
    """Apply the rules that need no other step."""
    settings_have_effect(spec, findings)
    limits_of_methods_are_told(spec, findings)
    tracking_settings_have_effect(spec, findings)
    instances_share_the_work(spec, findings)
    schedule_fits(spec, findings)
    no_secret_is_written(spec, findings)


def _refuse_cycles(
    cycles: tuple[tuple[str, ...], ...], links: Mapping[str, StepLinks], findings: Findings
) -> None:
    for cycle in cycles:
        fields = [
            f"steps.{reader}.{links[reader].steps()[read]}" for reader, read in pairwise(cycle)
        ]
        findings.refuse(
            fields[0],
            f"the steps wait for each other: {' -> '.join(cycle)}",
            f"Change one of {', '.join(fields)}." if len(fields) > 1 else "Name another step.",
        )
