"""Laws of planning: order, guards and cycles hold for every graph."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.plan.order import find_cycles, order_steps
from orchestrator.spec.pipeline import PipelineSpec


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    names = [f"s{index}" for index in range(draw(st.integers(1, 12)))]
    edges = st.lists(st.sampled_from(names), max_size=3)
    return {name: tuple(draw(edges)) for name in draw(st.permutations(names))}


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    names = [f"s{index}" for index in range(draw(st.integers(1, 12)))]
    reads = {
        name: tuple(draw(st.lists(st.sampled_from(names[:index]), max_size=3, unique=True)))
        if index
        else ()
        for index, name in enumerate(names)
    }
    return {name: reads[name] for name in draw(st.permutations(names))}


@given(graphs())
def test_an_order_holds_every_step_or_a_cycle_is_shown(graph: dict[str, tuple[str, ...]]) -> None:
    order, left = order_steps(graph)
    assert sorted([*order, *left]) == sorted(graph)
    for index, name in enumerate(order):
        assert set(graph[name]) <= set(order[:index])
    cycles = find_cycles(left)
    assert bool(cycles) == bool(left)
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(read in graph[reader] for reader, read in pairwise(cycle))


@given(acyclic_graphs())
def test_a_graph_without_cycles_is_ordered_whole(graph: dict[str, tuple[str, ...]]) -> None:
    order, left = order_steps(graph)
    assert (len(order), left) == (len(graph), {})


def spec_of(graph: dict[str, tuple[str, ...]], gated: frozenset[str]) -> PipelineSpec:
    steps = {
        name: {
            "kind": "processing",
            "script": "a.py",
            "inputs": {f"i{index}": f"${read}.rows" for index, read in enumerate(reads)},
            "outputs": {"rows": "jsonl", "metrics": "json"},
            "gates": {"min": {"rows": 1}} if name in gated else {},
        }
        for name, reads in graph.items()
    }
    return PipelineSpec.model_validate({"name": "x", "steps": steps})


@settings(deadline=None)
@given(acyclic_graphs(), st.data())
def test_every_gate_above_a_step_guards_it(
    graph: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    gated = frozenset(data.draw(st.sets(st.sampled_from(sorted(graph)))))
    plan, _ = build_plan(spec_of(graph, gated))
    above: dict[str, set[str]] = {}
    for step in plan.steps:
        reads = set(graph[step.name])
        above[step.name] = reads.union(*(above[read] for read in reads))
        assert set(step.depends_on) == reads
        assert set(step.guards) == above[step.name] & gated
        for first, second in pairwise(step.guards):
            assert second not in above[first]


@settings(deadline=None)
@given(graphs())
def test_a_plan_is_made_or_refused_the_same_each_time(graph: dict[str, tuple[str, ...]]) -> None:
    assert outcome(graph) == outcome(graph)


def outcome(graph: dict[str, tuple[str, ...]]) -> object:
    unique = {name: tuple(dict.fromkeys(reads)) for name, reads in graph.items()}
    try:
        return build_plan(spec_of(unique, frozenset()))
    except SpecError as error:
        return str(error)


def test_a_thousand_steps_are_planned_in_one_pass() -> None:
    graph: dict[str, tuple[str, ...]] = {
        f"s{index}": (f"s{index - 1}",) if index else () for index in range(1000)
    }
    plan, _ = build_plan(spec_of(graph, frozenset()))
    assert [step.name for step in plan.steps] == list(graph)
