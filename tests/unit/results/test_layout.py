"""Where the nodes of the graph are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.results.layout import Spacing, lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACING = Spacing()


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    count = draw(st.integers(min_value=1, max_value=9))
    names = [f"s{index}" for index in range(count)]
    return {
        name: draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        for index, name in enumerate(names)
    }


def closed(parents: Mapping[str, list[str]]) -> dict[str, set[str]]:
    above: dict[str, set[str]] = {}
    for name, direct in parents.items():
        above[name] = set(direct).union(*(above[one] for one in direct))
    return above


@given(graphs())
def test_every_edge_goes_down(parents: dict[str, list[str]]) -> None:
    layout = lay_out(parents)
    for above, below, points in layout.edges:
        assert layout.nodes[above][1] < layout.nodes[below][1]
        assert [y for _, y in points] == sorted(y for _, y in points)


@given(graphs())
def test_no_two_nodes_overlap_and_all_are_inside(parents: dict[str, list[str]]) -> None:
    layout = lay_out(parents)
    for name, (x, y) in layout.nodes.items():
        assert SPACING.node_width / 2 <= x <= layout.width - SPACING.node_width / 2
        assert SPACING.node_height / 2 <= y <= layout.height - SPACING.node_height / 2
        for other, (x2, y2) in layout.nodes.items():
            apart = abs(x - x2) >= SPACING.node_width or abs(y - y2) >= SPACING.node_height
            assert name == other or apart


@given(graphs())
def test_the_drawn_edges_imply_the_same_order_as_all_of_them(parents: dict[str, list[str]]) -> None:
    drawn: dict[str, list[str]] = {name: [] for name in parents}
    for above, below, _ in lay_out(parents).edges:
        drawn[below].append(above)
    assert closed(drawn) == closed(parents)


def test_an_edge_that_others_imply_is_left_out() -> None:
    layout = lay_out({"a": [], "b": ["a"], "c": ["a", "b"]})
    assert [(above, below) for above, below, _ in layout.edges] == [("a", "b"), ("b", "c")]


def test_a_cycle_and_an_unknown_parent_are_drawn_without_their_edge() -> None:
    layout = lay_out({"a": ["b", "nowhere"], "b": ["a"]})
    assert set(layout.nodes) == {"a", "b"}


def test_an_empty_graph_has_no_nodes() -> None:
    assert lay_out({}).nodes == {}
