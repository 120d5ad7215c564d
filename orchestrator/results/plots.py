"""Small drawings in SVG: a value against its bound, scores with intervals, lengths, shares."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.figures import number, plural, score, shortened
from orchestrator.results.svg import ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.results.metric_rows import GateCheck


@dataclass(frozen=True)
class Scored:
    """One line of a dot plot: a value with its interval; `kind` is its class."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = ""

    @property
    def text(self) -> str:
        """The value and its interval in words."""
        if self.low is None or self.high is None:
            return f"{self.name}: {score(self.value)}"
        return f"{self.name}: {score(self.value)}, {score(self.low)} to {score(self.high)}"


@dataclass(frozen=True)
class _Axis:
    """From values to pixels, along one direction."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def bound_svg(check: GateCheck, interval: tuple[float, float] | None = None) -> str:
    """Return where a value lies beside its bound; the allowed side is shaded."""
    value, bound = check.value, check.bound
    if value is None or bound is None:
        return ""
    ends = [value, bound, *(interval or ())]
    low, high = min(0.0, *ends), max(ends)
    is_share = low >= 0 and 0.2 <= high <= 1
    axis = _Axis(low, 1.0 if is_share else high * 1.15 if high > 0 else low + 1, 6, 234)
    at, limit = axis.at(value), axis.at(bound)
    start, end = (axis.start, limit) if check.sign in {"<", "<="} else (limit, axis.end)
    state = {True: "held", False: "missed", None: ""}[check.outcome]
    band = ""
    if interval:
        left, right = axis.at(interval[0]), axis.at(interval[1])
        band = f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="10" y2="10"/>'
    said = f"{check.metric or 'value'} {number(value)}, {check.asked} {number(bound)}"
    return (
        f'<svg class="bound {state}" viewBox="0 0 240 20" width="240" height="20" role="img" '
        f'aria-label="{escape(said)}"><title>{escape(said)}</title>'
        f'<rect class="track" x="{axis.start}" y="8" width="228" height="4" rx="2"/>'
        f'<rect class="allowed" x="{start:.1f}" y="8" width="{max(end - start, 0):.1f}" '
        f'height="4"/>{band}<line class="limit" x1="{limit:.1f}" x2="{limit:.1f}" y1="2" y2="18"/>'
        f'<circle class="found" cx="{at:.1f}" cy="10" r="4.5"/></svg>'
    )


def dots_svg(lines: Sequence[Scored], *, title: str, width: int = 360) -> str:
    """Return one line each of a dot with its interval, on one axis, the numbers beside them."""
    if not lines:
        return ""
    ends = [end for one in lines for end in (one.value, one.low, one.high) if end is not None]
    low, high = min(0.0, *ends), max(ends)
    axis = _Axis(low, 1.0 if 0.2 < high <= 1 else high * 1.1 or 1.0, 104, width - 52)
    height = len(lines) * 22 + 26
    drawn = "".join(_dot_line(one, axis, 14 + 22 * at) for at, one in enumerate(lines))
    grid = "".join(
        f'<line class="grid" x1="{axis.at(value):.1f}" x2="{axis.at(value):.1f}" y1="4" '
        f'y2="{height - 22}"/><text class="tick" x="{axis.at(value):.1f}" y="{height - 7}" '
        f'text-anchor="middle">{number(value)}</text>'
        for value in ticks(axis.low, axis.high, most=4)
    )
    return (
        f'<svg class="dots" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{grid}{drawn}</svg>'
    )


def histogram_svg(
    edges: Sequence[float], counts: Sequence[float], *, title: str, x_label: str
) -> str:
    """Return a histogram; the last bin, if it is wider, is drawn as wide as the others."""
    if not counts or not any(counts):
        return ""
    width, height, left, bottom, top = 400, 190, 48, 36, 22
    across = _Axis(0, len(counts), left, width - 8)
    up = _Axis(0, max(counts), height - bottom, top)
    is_open = len(edges) > 2 and edges[-1] - edges[-2] > (edges[1] - edges[0]) * 1.5
    bars = "".join(
        _bar(across.at(at), across.at(at + 1), up.at(count), up.start, told)
        for at, count in enumerate(counts)
        if (told := _bin(edges, counts, at, is_open=is_open))
    )
    grid = "".join(
        f'<line class="grid" x1="{left}" x2="{width - 8}" y1="{up.at(value):.1f}" '
        f'y2="{up.at(value):.1f}"/><text class="tick" x="{left - 7}" y="{up.at(value) + 4:.1f}" '
        f'text-anchor="end">{number(value)}</text>'
        for value in ticks(0, max(counts), most=3)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{grid}{bars}'
        f"{_edge_labels(edges, across, height - bottom + 15, is_open=is_open)}"
        f'<text class="tick" x="{(left + width) / 2}" y="{height - 4}" text-anchor="middle">'
        f'{escape(x_label)}</text><text class="tick" x="{left - 7}" y="12" text-anchor="end">'
        "rows</text></svg>"
    )


def shares_svg(parts: Mapping[str, float], *, title: str) -> str:
    """Return one bar made of parts, each of the class of its name."""
    total = sum(parts.values())
    if total <= 0:
        return ""
    drawn, at = [], 0.0
    for name, value in parts.items():
        width = value / total * 440
        said = f"{name}: {number(value)} ({value / total:.1%})"
        drawn.append(
            f'<rect class="part {escape(name)}" x="{at:.1f}" y="0" height="14" '
            f'width="{max(width - 1.5, 1):.1f}"><title>{escape(said)}</title></rect>'
        )
        at += width
    return (
        f'<svg class="shares" viewBox="0 0 440 14" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )


def _dot_line(one: Scored, axis: _Axis, y: float) -> str:
    whisker = ""
    if one.low is not None and one.high is not None:
        left, right = axis.at(one.low), axis.at(one.high)
        whisker = f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
    return (
        f'<g class="{escape(f"scored {one.kind}".strip())}"><title>{escape(one.text)}</title>'
        f'<text class="name" x="0" y="{y + 4}">{escape(shortened(one.name, 15))}</text>{whisker}'
        f'<circle cx="{axis.at(one.value):.1f}" cy="{y}" r="4.5"/>'
        f'<text class="value" x="{axis.end + 50:.0f}" y="{y + 4}" text-anchor="end">'
        f"{score(one.value)}</text></g>"
    )


def _bin(edges: Sequence[float], counts: Sequence[float], at: int, *, is_open: bool) -> str:
    if not counts[at]:
        return ""
    is_last = is_open and at == len(counts) - 1
    upper = "or more" if is_last else f"to under {number(edges[at + 1])}"
    return f"{number(edges[at])} {upper}: {plural(int(counts[at]), 'row')}"


def _bar(left: float, right: float, top: float, bottom: float, said: str) -> str:
    return (
        f'<rect class="bar" x="{left + 0.5:.1f}" y="{top:.1f}" width="{right - left - 1:.1f}" '
        f'height="{bottom - top:.1f}"><title>{escape(said)}</title></rect>'
    )


def _edge_labels(edges: Sequence[float], axis: _Axis, y: float, *, is_open: bool) -> str:
    last = len(edges) - 1
    every = max(round(last / 6), 1)
    shown: Iterable[int] = range(0, last, every)
    labels = [(at, number(edges[at])) for at in shown]
    if not is_open:
        labels = [one for one in labels if last - one[0] >= every]
        labels.append((last, number(edges[last])))
    return "".join(
        f'<text class="tick" x="{axis.at(at):.1f}" y="{y}" '
        f'text-anchor="{"end" if at == last else "middle"}">{text}</text>'
        for at, text in labels
    )
