"""Where each node of a directed graph is drawn: layers from top to bottom, few crossings."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SWEEPS = 6
"""Rounds of ordering each layer by the middle of its neighbours; more changes nothing visible."""


@dataclass(frozen=True)
class Layout:
    """Node centres, and each edge as the points it passes through, from top to bottom."""

    width: float
    height: float
    nodes: Mapping[str, tuple[float, float]]
    edges: tuple[tuple[str, str, tuple[tuple[float, float], ...]], ...]


@dataclass(frozen=True)
class Spacing:
    """Sizes in pixels."""

    node_width: float = 206
    node_height: float = 46
    gap_x: float = 20
    gap_y: float = 30
    lane_width: float = 14
    """Room for an edge that passes a layer."""
    margin: float = 4


def lay_out(parents: Mapping[str, Sequence[str]], spacing: Spacing | None = None) -> Layout:
    """Return a layout of the graph in which `parents[node]` are drawn above `node`.

    Edges that other edges imply are left out. Parents that are not nodes are ignored, and so is
    an edge that would close a cycle.
    """
    spacing = spacing or Spacing()
    depth = _depths(parents)
    edges = _reduced(parents, depth)
    layers, chains = _layers(depth, edges)
    _order(layers, chains)
    return _place(layers, chains, spacing)


def _depths(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    depth = dict.fromkeys(parents, 0)
    for _ in parents:
        changed = False
        for node, above in parents.items():
            lowest = max(
                (depth[one] + 1 for one in above if one in depth and one != node), default=0
            )
            if depth[node] < lowest < len(parents):
                depth[node] = lowest
                changed = True
        if not changed:
            break
    return depth


def _reduced(
    parents: Mapping[str, Sequence[str]], depth: Mapping[str, int]
) -> list[tuple[str, str]]:
    known = {
        node: [one for one in dict.fromkeys(above) if one in depth and depth[one] < depth[node]]
        for node, above in parents.items()
    }
    ancestors: dict[str, set[str]] = {}
    for node in sorted(known, key=lambda one: depth[one]):
        ancestors[node] = set(known[node]).union(*(ancestors[one] for one in known[node]))
    return [
        (one, node)
        for node, above in known.items()
        for one in above
        if not any(one in ancestors[other] for other in above if other != one)
    ]


Node = str | tuple[str, str, int]
"""A node, or an edge's point on a layer that it passes: from, to, layer."""


def _layers(
    depth: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[Node]], list[list[Node]]]:
    layers: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node, layer in depth.items():
        layers[layer].append(node)
    chains: list[list[Node]] = []
    for above, below in edges:
        passed: list[Node] = [
            (above, below, layer) for layer in range(depth[above] + 1, depth[below])
        ]
        for offset, point in enumerate(passed, start=depth[above] + 1):
            layers[offset].append(point)
        chains.append([above, *passed, below])
    return layers, chains


def _order(layers: list[list[Node]], chains: Sequence[Sequence[Node]]) -> None:
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        in_turn = layers if downwards else layers[::-1]
        for fixed, moved in itertools.pairwise(in_turn):
            _sort_by_neighbours(moved, fixed, above if downwards else below)


def _sort_by_neighbours(
    moved: list[Node], fixed: Sequence[Node], neighbours: Mapping[Node, list[Node]]
) -> None:
    place = {node: index / max(len(fixed) - 1, 1) for index, node in enumerate(fixed)}
    now = {node: index / max(len(moved) - 1, 1) for index, node in enumerate(moved)}

    def middle(node: Node) -> float:
        near = [place[one] for one in neighbours.get(node, []) if one in place]
        return sum(near) / len(near) if near else now[node]

    moved.sort(key=middle)


def _place(
    layers: Sequence[Sequence[Node]], chains: Sequence[Sequence[Node]], spacing: Spacing
) -> Layout:
    def width_of(node: Node) -> float:
        return spacing.node_width if isinstance(node, str) else spacing.lane_width

    widths = [
        sum(width_of(node) for node in layer) + spacing.gap_x * (len(layer) - 1) for layer in layers
    ]
    widest = max(widths, default=0.0)
    centre: dict[Node, tuple[float, float]] = {}
    for index, layer in enumerate(layers):
        x = spacing.margin + (widest - widths[index]) / 2
        y = spacing.margin + index * (spacing.node_height + spacing.gap_y) + spacing.node_height / 2
        for node in layer:
            centre[node] = (x + width_of(node) / 2, y)
            x += width_of(node) + spacing.gap_x
    rows = len(layers)
    return Layout(
        width=widest + 2 * spacing.margin,
        height=rows * spacing.node_height + max(rows - 1, 0) * spacing.gap_y + 2 * spacing.margin,
        nodes={node: point for node, point in centre.items() if isinstance(node, str)},
        edges=tuple(
            (str(chain[0]), str(chain[-1]), tuple(centre[node] for node in chain))
            for chain in chains
        ),
    )
