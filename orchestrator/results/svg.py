"""Drawings for the report, as SVG text: the graph of steps and line charts. All text is escaped."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.figures import duration, number, shortened
from orchestrator.results.layout import Spacing, lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.results.layout import Layout
    from orchestrator.results.model import StepResult

Point = tuple[float, float]

MOST_DOTS = 30
"""Points of a line from which on they are not drawn one by one."""
MOST_NAMED = 60
"""Points of a line that say their value."""
READABLE = 520
"""Pixels to which a wide graph may shrink; on a narrower screen it scrolls."""


@dataclass(frozen=True)
class Series:
    """One line of a chart; `kind` is its class in the style sheet (`train` or `eval`)."""

    name: str
    points: tuple[Point, ...]
    kind: str


def graph_svg(steps: Sequence[StepResult]) -> str:
    """Return the steps as a graph from top to bottom, each with its state and time."""
    spacing = Spacing()
    layout = lay_out(
        {
            step.name: [*step.depends_on, *([step.branch[0]] if step.branch else [])]
            for step in steps
        },
        spacing,
    )
    by_name = {step.name: step for step in steps}
    edges = "".join(_edge(edge, by_name, spacing) for edge in layout.edges)
    nodes = "".join(_node(step, layout, spacing) for step in steps)
    return (
        f'<svg class="graph" viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" '
        f'width="{layout.width:.0f}" style="min-width:{min(layout.width, READABLE):.0f}px" '
        'role="img" aria-label="Graph of the steps">'
        f"{edges}{nodes}</svg>"
    )


def line_chart(
    series: Sequence[Series], *, title: str, x_label: str = "step", y_label: str = ""
) -> str:
    """Return a line chart; values that are not finite are left out.

    Pointing at a line names the value there; no script is needed for it.
    """
    lines = [
        Series(one.name, tuple(point for point in one.points if _is_finite(point)), one.kind)
        for one in series
    ]
    lines = [one for one in lines if one.points]
    if not lines:
        return ""
    frame = _Frame.around([point for one in lines for point in one.points])
    drawn = "".join(_line(one, frame) for one in lines)
    return (
        f'<svg class="chart" viewBox="0 0 {frame.width} {frame.height}" role="img" '
        f'aria-label="{escape(title)}">{_axes(frame, x_label, y_label)}{drawn}</svg>'
    )


def ticks(low: float, high: float, *, most: int = 5) -> tuple[float, ...]:
    """Return at most `most` + 1 round values that cover `low` to `high` from the inside."""
    if not high > low:
        return (low,)
    rough = (high - low) / most
    if rough < sys.float_info.min:  # Too near each other for a step between them.
        return (low, high)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(
        magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor >= rough * 0.999
    )
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


@dataclass(frozen=True)
class _Frame:
    low: Point
    high: Point
    width: int = 400
    height: int = 240
    left: int = 46
    right: int = 12
    top: int = 24
    bottom: int = 34

    @classmethod
    def around(cls, points: Sequence[Point]) -> _Frame:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        margin = (max(ys) - min(ys)) * 0.06 or abs(ys[0]) * 0.1 or 1.0
        high_x = max(xs) if max(xs) > min(xs) else min(xs) + 1
        return cls(low=(min(xs), min(ys) - margin), high=(high_x, max(ys) + margin))

    def at(self, point: Point) -> Point:
        across = (point[0] - self.low[0]) / (self.high[0] - self.low[0])
        up = (point[1] - self.low[1]) / (self.high[1] - self.low[1])
        return (
            self.left + across * (self.width - self.left - self.right),
            self.height - self.bottom - up * (self.height - self.top - self.bottom),
        )


def _is_finite(point: Point) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def _axes(frame: _Frame, x_label: str, y_label: str) -> str:
    parts = []
    for value in ticks(frame.low[1], frame.high[1], most=4):
        _, y = frame.at((frame.low[0], value))
        parts.append(
            f'<line class="grid" x1="{frame.left}" x2="{frame.width - frame.right}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{frame.left - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{number(value)}</text>"
        )
    for value in ticks(frame.low[0], frame.high[0]):
        x, _ = frame.at((value, frame.low[1]))
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{frame.height - frame.bottom + 16}" '
            f'text-anchor="middle">{number(value)}</text>'
        )
    middle = (frame.left + frame.width - frame.right) / 2
    parts.append(
        f'<text class="tick" x="{middle:.1f}" y="{frame.height - 3}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
        f'<text class="tick" x="{frame.left - 8}" y="13" text-anchor="end">{escape(y_label)}</text>'
    )
    return "".join(parts)


def _line(series: Series, frame: _Frame) -> str:
    points = sorted(series.points)
    placed = [frame.at(point) for point in points]
    kind = escape(series.kind)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    drawn = f'<polyline class="line {kind}" points="{path}"/>'
    shown = "dot" if len(placed) <= MOST_DOTS else "unseen-dot"
    every = -(-len(placed) // MOST_NAMED)
    return drawn + "".join(
        f'<circle class="{shown} {kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"><title>'
        f"{escape(f'{series.name} {number(value)} at {number(at)}')}</title></circle>"
        for (x, y), (at, value) in list(zip(placed, points, strict=True))[::every]
    )


def _edge(
    edge: tuple[str, str, tuple[Point, ...]], steps: Mapping[str, StepResult], spacing: Spacing
) -> str:
    _, below, points = edge
    half = spacing.node_height / 2
    first = (points[0][0], points[0][1] + half)
    last = (points[-1][0], points[-1][1] - half)
    path = f"M{first[0]:.1f} {first[1]:.1f}"
    at = first
    for x, y in points[1:-1]:
        path += _curve(at, (x, y - half)) + f"L{x:.1f} {y + half:.1f}"
        at = (x, y + half)
    path += _curve(at, last)
    faint = " unreached" if steps[below].status == "NotStarted" else ""
    return f'<path class="edge{faint}" d="{path}"/>'


def _curve(start: Point, end: Point) -> str:
    middle = (start[1] + end[1]) / 2
    return f"C{start[0]:.1f} {middle:.1f} {end[0]:.1f} {middle:.1f} {end[0]:.1f} {end[1]:.1f}"


_WORDS = {"NotStarted": "not reached", "Missed": "did not hold"}


def _state(step: StepResult) -> str:
    return "Cached" if step.cached else step.status


def _node(step: StepResult, layout: Layout, spacing: Spacing) -> str:
    x, y = layout.nodes[step.name]
    left, top = x - spacing.node_width / 2, y - spacing.node_height / 2
    state = "Missed" if step.condition_outcome is False else _state(step)
    word = _WORDS.get(state, state.lower())
    second = step.type if state == "Succeeded" else f"{step.type}, {word}"
    if step.type == "Condition" and state == "Succeeded":
        second = "Condition, held"
    elif step.seconds is not None and not step.cached:
        second += f", {duration(step.seconds)}"
    return (
        f'<g class="node {escape(state)}">'
        f"<title>{escape(f'{step.name}: {second}, {word}')}</title>"
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{spacing.node_width:.0f}" '
        f'height="{spacing.node_height:.0f}" rx="8"/>'
        f'<circle cx="{left + 15:.1f}" cy="{y - 7.5:.1f}" r="4.5"/>'
        f'<text class="name" x="{left + 27:.1f}" y="{y - 3:.1f}">'
        f"{escape(shortened(step.name, 22))}</text>"
        f'<text class="detail" x="{left + 27:.1f}" y="{y + 14:.1f}">'
        f"{escape(shortened(second, 30))}</text></g>"
    )
