"""Drawings: the graph of steps and the loss curves."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.results.svg import Series, graph_svg, line_chart, ticks

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult


def test_the_graph_holds_every_step_with_its_state(failed: ExecutionResult) -> None:
    drawn = graph_svg(failed.steps)
    ET.fromstring(drawn)  # noqa: S314 - our own drawing
    for step in failed.steps:
        assert f"<title>{step.name}: " in drawn
    assert drawn.count('class="node Failed"') == 1
    assert drawn.count('class="node Cached"') == 1


def test_a_name_with_markup_stays_text(succeeded: ExecutionResult) -> None:
    step = replace(succeeded.steps[0], name='<script>"x"</script>', type="<b>")
    drawn = graph_svg([step])
    ET.fromstring(drawn)  # noqa: S314
    assert "<script" not in drawn


def test_a_chart_leaves_out_what_is_not_finite() -> None:
    chart = line_chart(
        [Series("loss", ((0, 3.0), (1, math.nan), (2, math.inf), (3, 1.0)), "train")], title="t"
    )
    ET.fromstring(chart)  # noqa: S314
    assert chart.count("<circle") == 2
    assert "nan" not in chart


def test_a_chart_of_nothing_is_nothing() -> None:
    assert line_chart([Series("loss", ((0, math.nan),), "train")], title="t") == ""


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_single_point_is_drawn_inside_the_frame(value: float) -> None:
    chart = line_chart([Series("loss", ((5, value),), "train")], title="t")
    circle = ET.fromstring(chart).find("circle")  # noqa: S314
    assert circle is not None
    assert 0 < float(circle.attrib["cy"]) < 240


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 300) == (0, 100, 200, 300)
    assert ticks(3.3, 9.1, most=4) == (4.0, 6.0, 8.0)
    assert ticks(2, 2) == (2,)
