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
VOID = {"meta", "br", "img", "col", "line", "polyline", "path"}


class Balance(HTMLParser):
    """Collects tags that are closed wrongly, and all tags' names."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.names: set[str] = set()

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        del attrs
        self.names.add(tag)

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
    assert not re.findall(r"src=|href=\"(?!#)|url\(|@import|https?://", page)
    assert set(re.findall(r'href="#([^"]+)"', page)) == set(
        re.findall(r'<section id="([^"]+)"', page)
    )
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


def test_every_text_that_a_run_gives_is_escaped(failed: ExecutionResult) -> None:
    step = replace(
        failed.step("sft"),
        name=ATTACK,
        failure_reason=ATTACK,
        metrics={ATTACK: 1.0, "rows_train": 1},
        outputs={ATTACK: ATTACK},
        conditions=(ATTACK,),
        type="Condition",
        samples=({"task": ATTACK, "prompt": ATTACK, "tuned": ATTACK, "expected": [ATTACK]},),
        table={"rows": [{"task": ATTACK, "metric": ATTACK, "rows": 1, "model": 1, "base": 2}]},
        depends_on=(ATTACK,),
        arguments_hash=ATTACK,
        statistics={"unit": ATTACK, "tasks": {ATTACK: {"train": 1}}},
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
        "0.905 to 0.955", "What does ec2 DescribeInstances do?", "MaxSteps", "9f2c9f2c9f2c",
    ):  # fmt: skip
        assert text in page
    assert "Why it failed" not in page


def test_the_first_screen_says_what_the_gates_asked(succeeded: ExecutionResult) -> None:
    page = render_report(succeeded)
    assert (
        "Every gate held. Of 2 bounds the closest is accuracy: 0.887, with at least 0.8 asked."
    ) in page
    assert 'aria-label="forgetting.loss_delta 0.012, at most 0.05"' in page
    assert "+0.087" in page


def test_a_gate_that_did_not_hold_is_the_verdict(succeeded: ExecutionResult) -> None:
    steps = tuple(
        replace(one, condition_outcome=False, conditions=("accuracy 0.887 >= 0.9",))
        if one.name == "exam-gate"
        else one
        for one in succeeded.steps
    )
    page = render_report(replace(succeeded, steps=steps, status="Failed"))
    assert "1 bound of a gate did not hold: accuracy is 0.887, with at least 0.9 asked." in page
    assert 'class="node Missed"' in page
    assert "-0.013" in page


def test_a_fail_step_that_was_not_reached_is_not_drawn(succeeded: ExecutionResult) -> None:
    assert "exam-gate-failed" not in render_report(succeeded)


def test_a_metric_stands_with_its_interval_and_its_gate(succeeded: ExecutionResult) -> None:
    exam = succeeded.step("exam")
    metrics = {**exam.metrics, "accuracy.low": 0.86, "accuracy.high": 0.91}
    steps = [replace(one, metrics=metrics) if one is exam else one for one in succeeded.steps]
    page = render_report(replace(succeeded, steps=tuple(steps)))
    row = re.search(r'<tr><th scope="row">accuracy</th>(.*?)</tr>', page)
    assert row is not None
    words = re.sub(r"<[^>]+>", " ", row[1]).split()
    assert " ".join(words) == "0.887 0.860 to 0.910 at least 0.8 held"
    assert "accuracy.low" not in page


def test_a_dataset_step_shows_its_splits_lengths_and_tasks(succeeded: ExecutionResult) -> None:
    split = replace(
        succeeded.step("split"),
        metrics={"rows_read": 24, "rows_train": 15, "rows_test": 5, "dropped_empty": 4},
        statistics={
            "unit": "characters",
            "lengths": {"train": {"p50": 61, "max": 230}, "test": {"p50": 63, "max": 90}},
            "histogram": {"edges": [0, 50, 100, 231], "train": [5, 9, 1], "test": [2, 3, 0]},
            "tasks": {"read-<or>-write": {"train": 9, "test": 3}},
        },
    )
    steps = [split if one.name == "split" else one for one in succeeded.steps]
    page = render_report(replace(succeeded, steps=tuple(steps)))
    for text in (
        "20 rows of 24 read; left out: 4 empty.", "<title>train: 15 (75.0%)</title>",
        "<title>50 to under 100: 12 rows</title>", "<title>100 or more: 1 row</title>",
        "read-&lt;or&gt;-write",
    ):  # fmt: skip
        assert text in page


def test_very_long_texts_are_cut(succeeded: ExecutionResult) -> None:
    exam = succeeded.step("exam")
    samples = tuple({"prompt": "p" * 100_000, "tuned": "t" * 100_000} for _ in range(50))
    steps = [replace(one, samples=samples) if one is exam else one for one in succeeded.steps]
    assert len(render_report(replace(succeeded, steps=tuple(steps)))) < 500_000


def test_a_running_execution_says_so(succeeded: ExecutionResult) -> None:
    page = render_report(replace(succeeded, status="Executing", ended_at=None))
    assert "<strong>Still running</strong> <span>Every gate so far held." in page


def test_a_failure_shows_its_reason_and_the_end_of_the_log(failed: ExecutionResult) -> None:
    page = render_report(failed, logs={"sft": "ValueError: loss is nan"})
    assert "<span>Step sft failed: loss became nan at step 12</span>" in page
    assert "Why it failed" in page
    assert "sft: loss became nan at step 12" in page
    assert "ValueError: loss is nan" in page
    assert "not reached" in page


def test_a_smoke_run_says_so_however_it_ended(
    succeeded: ExecutionResult, failed: ExecutionResult
) -> None:
    for result, also in ((succeeded, "Gates were not enforced"), (failed, "failed")):
        page = render_report(replace(result, parameters={"Smoke": True}))
        said = page.partition("<span>")[2].partition("</span>")[0]
        assert said.startswith("A smoke run, on few rows and with tiny models")
        assert also in said


def test_a_run_of_nothing_still_has_a_page(succeeded: ExecutionResult) -> None:
    page = parsed(render_report(replace(succeeded, steps=(), ended_at=None)))
    assert (page.wrong, page.open) == ([], [])


def test_the_same_result_gives_the_same_page(succeeded: ExecutionResult) -> None:
    assert render_report(succeeded) == render_report(succeeded)
