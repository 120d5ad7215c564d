"""Small drawings: bounds, scores with intervals, lengths, shares."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.results.metric_rows import GateCheck
from orchestrator.results.plots import Scored, bound_svg, dots_svg, histogram_svg, shares_svg

MARKUP = '<script>"&'
NUMBER = st.floats(-1e9, 1e9)


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


@given(NUMBER, NUMBER, st.sampled_from([">=", "<=", "<", ">", "=="]))
def test_a_value_and_its_bound_stay_inside_the_drawing(
    value: float, bound: float, sign: str
) -> None:
    found = drawn(
        bound_svg(GateCheck("g", "t", metric=MARKUP, value=value, sign=sign, bound=bound))
    )
    places = [
        float(one.attrib[key]) for one in found for key in ("cx", "x1", "x") if key in one.attrib
    ]
    assert places
    assert all(0 <= place <= 240 for place in places)
    assert all(float(one.attrib.get("width", 0)) >= 0 for one in found)


def test_a_better_value_is_drawn_further_on_the_allowed_side() -> None:
    found = drawn(bound_svg(GateCheck("g", "t", metric="loss", value=0.1, sign="<=", bound=0.5)))
    allowed = next(one for one in found if one.attrib.get("class") == "allowed")
    dot = next(one for one in found if one.attrib.get("class") == "found")
    end = float(allowed.attrib["x"]) + float(allowed.attrib["width"])
    assert float(allowed.attrib["x"]) <= float(dot.attrib["cx"]) < end


@given(st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=6))
def test_scores_stay_inside_the_drawing(rows: list[tuple[float, float, float]]) -> None:
    lines = [Scored(MARKUP, *sorted(row)[1:2], min(row), max(row)) for row in rows]
    found = drawn(dots_svg(lines, title=MARKUP))
    assert len(found.findall("g")) == len(rows)
    for line in found.findall("g"):
        circle, whisker = line.find("circle"), line.find("line")
        assert circle is not None
        assert whisker is not None
        at = [float(whisker.attrib["x1"]), float(circle.attrib["cx"]), float(whisker.attrib["x2"])]
        assert at == sorted(at)
        assert all(0 <= one <= 360 for one in at)


def test_the_last_bin_says_that_it_is_open() -> None:
    found = drawn(histogram_svg([0, 10, 20, 95], [4, 0, 1], title="t", x_label="characters"))
    titles = [one.text for bar in found.findall("rect") for one in bar.findall("title")]
    assert titles == ["0 to under 10: 4 rows", "20 or more: 1 row"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert histogram_svg([], [], title="t", x_label="x") == ""
    assert histogram_svg([0, 1], [0], title="t", x_label="x") == ""
    assert shares_svg({"train": 0}, title="t") == ""
    assert dots_svg([], title="t") == ""
    assert bound_svg(GateCheck("g", "a in (b)")) == ""


def test_shares_fill_the_bar() -> None:
    found = drawn(shares_svg({"train": 3, "test": 1}, title="t"))
    first, second = found.findall("rect")
    assert float(second.attrib["x"]) == 330
    assert float(first.attrib["width"]) == 328.5
