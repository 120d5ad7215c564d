"""The report and the comparison in a real browser: phone and desk, light and dark."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.results.comparison import Change, compare
from orchestrator.results.comparison_page import render_comparison
from orchestrator.results.report import render_report
from tests.browser.conftest import CHROMIUM

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.results.model import ExecutionResult
    from tests.browser.conftest import Seen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
SECTIONS = {
    "report": ["gates", "steps", "data", "training", "evaluation", "samples", "metrics", "facts"],
    "comparison": ["changes", "metrics", "evaluation", "training", "samples", "times"],
    "failure": ["why", "gates", "steps", "data", "training", "metrics", "facts"],
}


@pytest.fixture
def pages(succeeded: ExecutionResult, failed: ExecutionResult) -> dict[str, str]:
    shown, broken = with_data(succeeded), with_data(failed)
    other = replace(
        shown,
        execution_id="b",
        parameters={"MaxSteps": 400, "Word": "w" * 300},
        steps=tuple(
            replace(one, history=one.history[:6]) if one.history else one for one in shown.steps
        ),
    )
    changes = {"sft": (Change("settings.learning_rate", "0.0002", "0.0001"),)}
    return {
        "report": render_report(shown),
        "comparison": render_comparison(compare(shown, other, changes)),
        "failure": render_report(broken, logs={"sft": "ValueError: " + "nan" * 200}),
    }


def with_data(result: ExecutionResult) -> ExecutionResult:
    """Return the execution with a dataset step that wrote statistics."""
    split = replace(
        result.step("split"),
        metrics={"rows_read": 9_000, "rows_train": 8_000, "rows_validation": 500, "rows_test": 500},
        statistics={
            "unit": "characters",
            "lengths": {name: {"p50": 60, "max": 900} for name in ("train", "validation", "test")},
            "histogram": {
                "edges": [*range(0, 240, 10), 901],
                **{name: list(range(24)) for name in ("train", "validation", "test")},
            },
            "tasks": {"read-or-write": {"train": 8_000, "validation": 500, "test": 500}},
        },
    )
    return replace(
        result, steps=tuple(split if one.name == "split" else one for one in result.steps)
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280])
@pytest.mark.parametrize("name", ["report", "comparison", "failure"])
def test_a_page_fits_reads_well_and_asks_for_nothing(
    browse: Callable[..., Seen], pages: dict[str, str], name: str, width: int, *, dark: bool
) -> None:
    seen = browse(pages[name], width=width, dark=dark)
    assert seen.found["overflow"] == 0
    assert seen.found["wide"] == []
    assert seen.found["sections"] == SECTIONS[name]
    assert seen.found["pale"] == []
    assert seen.found["requests"] == []
    assert seen.console == ()


def lightness(colour: object) -> float:
    return sum(int(part) for part in re.findall(r"\d+", str(colour))[:3]) / 3


def test_ink_and_paper_follow_the_reader(
    browse: Callable[..., Seen], pages: dict[str, str]
) -> None:
    light, dark = (browse(pages["report"], width=800, dark=dark).found for dark in (False, True))
    assert lightness(light["paper"]) > 200 > 60 > lightness(light["ink"])
    assert lightness(dark["ink"]) > 200 > 60 > lightness(dark["paper"])


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_page_can_be_used_without_eyes_or_mouse(
    browse: Callable[..., Seen], pages: dict[str, str], name: str
) -> None:
    found = browse(pages[name], width=420).found
    assert found["unnamed"] == []
    assert found["headless"] == []
    assert found["unreachable"] == []


def test_nothing_moves_for_those_who_want_it_still(
    browse: Callable[..., Seen], pages: dict[str, str]
) -> None:
    assert browse(pages["report"], width=800).found["motion"] == "smooth"
    assert browse(pages["report"], width=800, still=True).found["motion"] == "auto"


def test_the_content_policy_stops_a_script_that_slipped_in(
    browse: Callable[..., Seen], pages: dict[str, str]
) -> None:
    broken = pages["report"].replace("<main>", "<main><script>window.ran = true</script>")
    stopped = browse(broken, width=800)
    assert stopped.found["scripts"] == "none"
    assert len(stopped.console) == 1
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", broken)
    assert browse(open_page, width=800).found["scripts"] == "ran"


def test_the_measurements_see_what_they_look_for(
    browse: Callable[..., Seen], pages: dict[str, str]
) -> None:
    spoilt = pages["report"].replace(
        "<main>",
        '<main><p style="width:3000px;max-width:none;color:#999;background:#fff">wide and pale</p>'
        "<svg></svg><table></table>",
    )
    found = browse(spoilt, width=800).found
    assert found["overflow"] > 0
    assert any("wide and pale" in one for one in found["wide"])
    assert any("wide and pale" in one for one in found["pale"])
    assert found["unnamed"]
    assert found["headless"]
