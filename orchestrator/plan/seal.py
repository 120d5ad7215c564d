"""The sealed test rows: no training may read them, however many steps lie between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.model import StepOutput

if TYPE_CHECKING:
    from orchestrator.plan.resolve import Resolver
    from orchestrator.spec.findings import Findings


def training_never_reads_test_rows(resolver: Resolver, findings: Findings) -> None:
    """Refuse training, and fitting of baselines, on sealed rows or on what was made from them."""
    sealed: dict[StepOutput, StepOutput] = {}
    """Each output that holds sealed rows, to the `test` output they came from."""
    for name in resolver.order:
        facts = resolver.facts[name]
        for output in facts.seals:
            sealed[StepOutput(name, output)] = StepOutput(name, output)
        for link in resolver.links[name].links:
            source = resolver.resolved[name, link.read.field].source
            if not isinstance(source, StepOutput) or source not in sealed:
                continue
            origin = sealed[source]
            if link.read.field in facts.fits_on:
                made = "" if source == origin else f", made from '${origin.step}.{origin.output}'"
                findings.refuse(
                    f"steps.{name}.{link.read.field}",
                    f"'{link.read.text}' holds sealed test rows{made}",
                    f"Write '${origin.step}'; the test rows are for `evaluate` and `generate`.",
                )
            for carried in facts.carries:
                sealed.setdefault(StepOutput(name, carried), origin)
