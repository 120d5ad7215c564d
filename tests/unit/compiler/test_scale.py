"""A thousand steps take the work of a thousand steps, not of a million."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.sources import gather_sources

if TYPE_CHECKING:
    from collections.abc import Callable


def chain(length: int, gated_every: int) -> str:
    """Return a spec of processing steps in a row; some are gated, with readers side by side."""
    lines = ["steps:", "  s0: {kind: processing, script: ./clean.py, outputs: {rows: csv}}"]
    for n in range(1, length):
        outputs, gates, source = "{rows: csv}", "", f"s{n - 1}"
        if n % gated_every == 0:
            outputs, gates = "{rows: csv, metrics: folder}", ", gates: {min: {rows: 1}}"
        if n % gated_every == 2:
            source = "s0"  # Leaves the gate behind, so that gates do not nest without end.
        lines.append(
            f"  s{n}: {{kind: processing, script: ./clean.py, inputs: {{x: ${source}.rows}}, "
            f"outputs: {outputs}{gates}}}"
        )
    return "\n".join(lines)


def calls(work: Callable[[], object]) -> int:
    """Return how many functions `work` calls: a measure of time that no busy machine bends."""
    count = 0

    def tally(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("gated_every", [10_000, 7])
def test_four_times_the_steps_take_four_times_the_work(project: Any, gated_every: int) -> None:

    def work(length: int) -> int:
        plan = project.plan(chain(length, gated_every))

        def compile_it() -> None:
            compile_plan(
                plan, LOCAL, gather_sources(plan, project.folder, LOCAL, library=project.scripts)
            )

        compile_it()
        return calls(compile_it)

    assert work(1000) / work(250) < 4.4


def test_a_thousand_steps_are_all_there(project: Any) -> None:
    compiled = project.compile(chain(1000, 7))
    assert len(compiled.assets) == 1000

    def count(steps: list[dict[str, Any]]) -> int:
        nested = [
            inner
            for step in steps
            if step["Type"] == "Condition"
            for inner in (*step["Arguments"]["IfSteps"], *step["Arguments"]["ElseSteps"])
        ]
        return len(steps) + (count(nested) if nested else 0)

    gates = len([n for n in range(1, 1000) if n % 7 == 0])
    assert count(json.loads(compiled.json)["Steps"]) == 1000 + 2 * gates
