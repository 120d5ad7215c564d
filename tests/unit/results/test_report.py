"""The report: one page, no network, every text escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from orchestrator.results.report import render_report

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult

ATTACK = "<script>alert('x')</script><img src=http://x.test/a onerror=alert(1)>"
VOID = {"meta", "br", "img", "circle", "line", "polyline", "path", "rect"}


class Balance(HTMLParser):
    """Collects tags that are closed wrongly, and all tags' names."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.names.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def parsed(page: str) -> Balance:
    parser = Balance()
    parser.feed(page)
    return parser


def test_the_page_is_well_formed_and_has_no_script(succeeded: ExecutionResult) -> None:
    page = parsed(render_report(succeeded))
    assert (page.wrong, page.open) == ([], [])
    assert not page.names & {"script", "link", "iframe", "object", "img"}


def test_the_page_names_nothing_outside_itself(succeeded: ExecutionResult) -> None:
    page = render_report(succeeded)
    assert not re.findall(r"(?:src|href)=|url\(|@import|https?://", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


def test_every_text_that_a_run_gives_is_escaped(failed: ExecutionResult) -> None:
    step = replace(
        failed.step("sft"),
        name=ATTACK,
        failure_reason=ATTACK,
        metrics={ATTACK: 1.0},
        outputs={ATTACK: ATTACK},
        conditions=(ATTACK,),
        type="Condition",
        samples=({"task": ATTACK, "prompt": ATTACK, "tuned": ATTACK, "expected": [ATTACK]},),
        table={"rows": [{"task": ATTACK, "metric": ATTACK, "rows": 1, "model": 1, "base": 2}]},
        depends_on=(ATTACK,),
        arguments_hash=ATTACK,
    )
    result = replace(
        failed,
        pipeline_name=ATTACK,
        execution_id=ATTACK,
        failure_reason=ATTACK,
        definition_hash=ATTACK,
        parameters={ATTACK: ATTACK},
        source={ATTACK: {ATTACK: ATTACK}},
        steps=(step,),
    )
    page = render_report(result, logs={ATTACK: ATTACK})
    names = parsed(page).names
    assert not names & {"script", "img"}
    assert "&lt;script&gt;" in page


def test_a_success_shows_graph_times_curves_comparison_and_samples(
    succeeded: ExecutionResult,
) -> None:
    page = render_report(succeeded)
    for text in (
        'class="graph"', 'class="gantt"', 'class="chart"', "loses to first word",
        "Of 3 comparisons the model wins 2, ties 0 and loses 1. "
        "It loses read-or-write (accuracy) to first word.",
        "0.905 to 0.955", "What does ec2 DescribeInstances do?",
        "forgetting.loss_delta 0.012 &lt;= 0.05", "parameter MaxSteps", "9f2c9f2c9f2c",
    ):  # fmt: skip
        assert text in page
    assert "Why it failed" not in page


def test_a_failure_shows_its_reason_and_the_end_of_the_log(failed: ExecutionResult) -> None:
    page = render_report(failed, logs={"sft": "ValueError: loss is nan"})
    assert "Why it failed" in page
    assert "sft: loss became nan at step 12" in page
    assert "ValueError: loss is nan" in page
    assert "not reached" in page


def test_a_run_of_nothing_still_has_a_page(succeeded: ExecutionResult) -> None:
    page = parsed(render_report(replace(succeeded, steps=(), ended_at=None)))
    assert (page.wrong, page.open) == ([], [])


def test_the_same_result_gives_the_same_page(succeeded: ExecutionResult) -> None:
    assert render_report(succeeded) == render_report(succeeded)
