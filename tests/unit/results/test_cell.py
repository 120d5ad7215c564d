"""What a notebook shows of results: everything is there, styled and escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import Problem
from orchestrator.results.cell import (
    MOST_ANSWERS,
    execution_html,
    pipeline_html,
    problems_html,
    progress_html,
    step_html,
    summary_html,
)
from orchestrator.results.model import StepResult
from orchestrator.results.progress import Progress

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult

CSS = resources.files("orchestrator.results").joinpath("cell.css").read_text("utf-8")
VOID = {"line", "rect", "path", "polyline", "meta", "br"}


class Reader(HTMLParser):
    """Tags in balance, texts, and the classes of what is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.classes: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [tag] if tag not in VOID else []
        self.tags.add(tag)
        self.classes |= set((dict(attrs).get("class") or "").split())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.classes |= set((dict(attrs).get("class") or "").split())

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts += [data] if self.open[-1:] != ["style"] else []


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def test_the_summary_shows_graph_losses_evaluation_and_answers(
    succeeded: ExecutionResult,
) -> None:
    reader = read(summary_html(succeeded))
    text = " ".join(reader.texts)
    for wanted in ("training loss", "validation loss", "which-service", "0.842 (0.800 to 0.870)",
                   "loses to first word", "Does DeleteBucket read or write?", "base model",
                   "The bucket <b>name</b>", "succeeded"):  # fmt: skip
        assert wanted in text
    assert "b" in reader.tags  # The headings', not the answer's: the text above holds its tags.
    assert {"script", "link", "img"} & reader.tags == set()


def test_an_execution_is_shown_with_a_line_for_each_step(succeeded: ExecutionResult) -> None:
    reader = read(succeeded._repr_html_())
    assert {"extract", "cached", "accuracy 0.887, rouge_l 0.31, perplexity 4.21"} <= {
        text.strip() for text in reader.texts
    }
    assert "exam-gate-failed" not in reader.texts


def test_a_failed_execution_says_why_and_where_the_log_is(failed: ExecutionResult) -> None:
    steps = tuple(replace(one, log=Path("runs/<sft>.log")) for one in failed.steps)
    text = " ".join(read(execution_html(replace(failed, steps=steps))).texts)
    assert "sft: sft: loss became nan at step 12\nlog: runs/<sft>.log" in text


def test_a_stopped_execution_says_so(failed: ExecutionResult) -> None:
    stopped = replace(failed, status="Stopped", steps=(), failure_reason="somebody <stopped> it")
    assert "somebody <stopped> it" in read(execution_html(stopped)).texts


def test_a_step_shows_what_it_has(succeeded: ExecutionResult) -> None:
    exam = read(succeeded["exam"]._repr_html_())
    assert {"task", "verdict", "prompt", "expected", "model"} <= set(exam.texts)
    assert "polyline" in read(step_html(succeeded["pretrain"])).tags
    plain = replace(succeeded["extract"], metrics={"<rows>": 19796.0})
    assert {"<rows>", "19,796"} <= set(read(step_html(plain)).texts)


def test_few_answers_are_shown_of_many(succeeded: ExecutionResult) -> None:
    exam = replace(succeeded["exam"], samples=succeeded["exam"].samples * 20)
    assert step_html(exam).count("DeleteBucket") == MOST_ANSWERS // 2


def test_what_has_not_run_waits(succeeded: ExecutionResult) -> None:
    steps = tuple(StepResult(one.name, "train", depends_on=one.depends_on)
                  for one in succeeded.steps)  # fmt: skip
    reader = read(pipeline_html("<x>", steps))
    assert "train, waiting" in reader.texts
    assert "<x>" in reader.texts
    assert not any("not reached" in text for text in reader.texts)


def test_before_it_started_there_is_little_to_show() -> None:
    assert "starting" in read(progress_html(Progress())).texts


def test_problems_are_told_one_below_the_other() -> None:
    told = read(problems_html("x", [Problem("a", "<b>"), Problem("c", "d", "E.")])).texts
    assert told == ["x", "a: <b>.", "c: d. E."]


@pytest.mark.parametrize("width", ["running", "over", "failed"])
def test_everything_that_is_drawn_has_its_style(
    width: str, succeeded: ExecutionResult, failed: ExecutionResult
) -> None:
    html = {
        "running": progress_html(Progress(result=replace(succeeded, status="Executing"))),
        "over": summary_html(succeeded),
        "failed": summary_html(failed),
    }[width]
    styled = set(re.findall(r"\.([A-Za-z-]+)", CSS))
    bare = {"graph", "range", "Succeeded", "Cached", "held", ""}
    assert read(html).classes - styled - bare == set()


def test_no_style_reaches_beyond_the_cell() -> None:
    selectors = re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", CSS))
    assert selectors
    for selector in ",".join(selectors).split(","):
        assert selector.strip().startswith(".fmo")
