"""Two executions side by side."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from orchestrator.results.comparison import Change, MetricChange, compare
from orchestrator.results.comparison_page import render_comparison
from orchestrator.results.comparison_tables import comparison_tables
from orchestrator.results.comparison_text import (
    comparison_to_json,
    main_metric,
    readable_changes,
    signed,
    summary,
    verdict_words,
)
from orchestrator.results.metric_rows import MetricRow
from tests.unit.results.conftest import TABLE, loss_rows
from tests.unit.results.test_report import ATTACK, parsed

if TYPE_CHECKING:
    from orchestrator.results.comparison import Comparison
    from orchestrator.results.model import ExecutionResult, StepResult


@pytest.fixture
def other(succeeded: ExecutionResult) -> ExecutionResult:
    """The execution `succeeded` with another learning rate: a better exam, one more answer."""
    table = json.loads(json.dumps(TABLE))
    table["rows"][1]["model"] = {"value": 0.91, "low": 0.88, "high": 0.94}
    exam = succeeded.step("exam")
    changed = replace(
        exam,
        metrics={**exam.metrics, "accuracy": 0.9},
        table=table,
        samples=({**exam.samples[0], "tuned": "read"}, exam.samples[1]),
        arguments_hash="77" * 32,
    )
    trained = replace(succeeded.step("sft"), history=loss_rows(160, 3.0, 0.3))
    new = {"exam": changed, "sft": trained}
    steps = [new.get(step.name, step) for step in succeeded.steps]
    return replace(
        succeeded,
        execution_id="b-2",
        steps=tuple(steps),
        parameters={**succeeded.parameters, "MaxSteps": 400},
        source={**succeeded.source, "overrides": {"steps.sft.learning_rate": "1e-4"}},
    )


CHANGES = {"exam": (Change("settings.learning_rate", "0.0002", "0.0001"),)}


@pytest.fixture
def comparison(succeeded: ExecutionResult, other: ExecutionResult) -> Comparison:
    return compare(succeeded, other, CHANGES)


def metric(
    before: tuple[float, float | None, float | None] | None,
    after: tuple[float, float | None, float | None] | None,
    way: int = 1,
) -> MetricChange:
    rows = (None if one is None else MetricRow("m", *one) for one in (before, after))
    return MetricChange("exam", "m", *rows, way)


def test_what_went_in_is_told_by_name(comparison: Comparison) -> None:
    assert comparison.changes == (
        Change("parameter MaxSteps", "300", "400"),
        Change("override steps.sft.learning_rate", None, "1e-4"),
    )
    same = {pair.name for pair in comparison.steps if pair.is_same}
    assert "sft" in same
    assert "exam" not in same


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (metric((0.5, 0.4, 0.6), (0.7, 0.65, 0.8)), "better, beyond the interval"),
        (metric((0.5, 0.4, 0.6), (0.55, 0.5, 0.6)), "better, within the interval"),
        (metric((0.5, 0.4, 0.6), (0.7, 0.65, 0.8), -1), "worse, beyond the interval"),
        (metric((0.5, 0.4, 0.6), (0.7, 0.65, 0.8), 0), "changed, beyond the interval"),
        (metric((0.5, 0.4, 0.6), (0.7, None, None)), "better"),
        (metric((0.5, None, None), (0.5, None, None)), "same"),
        (metric(None, (0.5, None, None)), "only in B"),
        (metric((0.5, None, None), None), "only in A"),
    ],
)
def test_a_difference_is_judged_by_its_intervals(change: MetricChange, words: str) -> None:
    assert verdict_words(change) == words


def test_differences_carry_their_sign() -> None:
    assert [signed(value) for value in (0.25, -3, 0, None)] == ["+0.25", "-3", "0", ""]


def test_the_summary_names_the_number_that_says_most(comparison: Comparison) -> None:
    main = main_metric(comparison)
    assert main is not None
    assert (main.step, main.name) == ("exam", "accuracy")
    assert summary(comparison) == (
        "accuracy of exam went from 0.887 to 0.9 (+0.013). "
        "Of 3 task scores 1 got better beyond the interval, 0 got worse."
    )


def test_only_prompts_answered_otherwise_are_shown(comparison: Comparison) -> None:
    (sample,) = comparison.samples
    assert (sample.prompt, sample.before, sample.after) == (
        "Does DeleteBucket read or write?", "write", "read",
    )  # fmt: skip
    assert comparison.samples_alike == 1


@pytest.mark.parametrize(
    ("part", "before", "after", "told"),
    [
        ("settings.lora_r", "8", "16", ("lora_r", "8", "16")),
        ("AppSpecification.ContainerArguments[3]", "--limit=3", "--limit=4", ("limit", "3", "4")),
        ("AppSpecification.ContainerArguments[3]", "--a=3", "--b=4",
         ("AppSpecification.ContainerArguments[3]", "--a=3", "--b=4")),
        ("inputs.code/sft.py", "ab" * 32, "cd" * 32, ("code sft.py", "ab" * 6, "cd" * 6)),
        ("inputs.data/a/b.jsonl", None, "cd" * 32, ("input data/a/b.jsonl", None, "cd" * 6)),
        ("python", "3.11.7", "3.12.1", ("python", "3.11.7", "3.12.1")),
    ],
)  # fmt: skip
def test_a_part_is_told_in_the_words_of_the_spec(
    part: str, before: str | None, after: str, told: tuple[str, str | None, str]
) -> None:
    (change,) = readable_changes([Change(part, before, after)])
    assert (change.name, change.before, change.after) == told


def test_settings_come_before_files() -> None:
    found = readable_changes([Change("inputs.code/a.py", "1", "2"), Change("settings.x", "1", "2")])
    assert [one.name for one in found] == ["x", "code a.py"]


def test_an_execution_that_did_not_end_well_is_said_first(
    succeeded: ExecutionResult, failed: ExecutionResult
) -> None:
    running = replace(succeeded, status="Executing", pipeline_name="another")
    found = compare(failed, running, {})
    assert found.remarks == (
        "A failed; what it did not reach has no numbers.",
        "B is still running; what it did not reach has no numbers.",
        "These are executions of two pipelines, aws-docs-assistant and another.",
    )
    page = render_comparison(found)
    for remark in found.remarks:
        assert remark in page
    assert {one.verdict for one in found.metrics if one.step == "exam"} == {"only in B"}


def test_a_smoke_run_is_said_to_be_one(succeeded: ExecutionResult) -> None:
    tried = replace(succeeded, parameters={**succeeded.parameters, "Smoke": True})
    found = compare(tried, succeeded, {})
    assert found.remarks == ("A is a smoke run; its numbers mean nothing.",)
    assert found.remarks[0] in render_comparison(found)


def test_executions_without_a_common_step_can_be_compared(succeeded: ExecutionResult) -> None:
    alone = replace(succeeded, steps=(replace(succeeded.steps[0], name="only"),))
    found = compare(alone, replace(succeeded, steps=()), {})
    assert summary(found) == "They have no number in common."
    assert "only is only in A." in render_comparison(found)


def test_the_page_is_well_formed_and_shows_both_sides(comparison: Comparison) -> None:
    page = render_comparison(comparison)
    read = parsed(page)
    assert (read.wrong, read.open) == ([], [])
    assert not read.names & {"script", "link", "iframe", "object", "img"}
    for text in (
        "B beside A", "parameter MaxSteps", "learning_rate", "better, beyond the interval",
        "1 of 2 prompts got another answer.", 'class="line a whole"', 'class="line b whole"',
        "The same curves in both: pretrain, continue.",
        "The same code, settings and inputs in both: ",
    ):  # fmt: skip
        assert text in page


def test_every_text_of_both_is_escaped(succeeded: ExecutionResult) -> None:
    def attacked(step: StepResult) -> StepResult:
        return replace(
            step, name=ATTACK, metrics={ATTACK: 1.0, "accuracy": 0.5},
            samples=({"task": ATTACK, "prompt": ATTACK, "tuned": ATTACK},),
            table={"rows": [{"task": ATTACK, "metric": ATTACK, "rows": 1, "model": 1}]},
        )  # fmt: skip

    one = replace(
        succeeded, pipeline_name=ATTACK, execution_id=ATTACK, parameters={ATTACK: ATTACK},
        steps=(attacked(succeeded.step("exam")), attacked(succeeded.step("sft"))),
    )  # fmt: skip
    two = replace(
        one, pipeline_name=ATTACK * 2, parameters={ATTACK: 2},
        steps=tuple(
            replace(step, samples=({**step.samples[0], "tuned": "x"},)) for step in one.steps
        ),
    )  # fmt: skip
    page = render_comparison(compare(one, two, {ATTACK: (Change(ATTACK, ATTACK, None),)}))
    assert not parsed(page).names & {"script", "img"}
    assert "&lt;script&gt;" in page


def test_the_document_holds_the_same_as_the_page(comparison: Comparison) -> None:
    document = json.loads(json.dumps(comparison_to_json(comparison)))
    assert document["summary"] == summary(comparison)
    assert document["steps"][8] == {
        "name": "exam", "same": False,
        "before": {"status": "Succeeded", "cached": False, "seconds": 55.0},
        "after": {"status": "Succeeded", "cached": False, "seconds": 55.0},
        "changes": [{"name": "settings.learning_rate", "before": "0.0002", "after": "0.0001"}],
    }  # fmt: skip
    (score,) = [one for one in document["tasks"] if one["name"] == "which-service accuracy"]
    assert score["before"] == {"value": 0.842, "low": 0.8, "high": 0.87}
    assert (score["verdict"], score["beyond_interval"]) == ("better", True)


@pytest.mark.parametrize("width", [60, 100])
def test_the_tables_fit_the_terminal(comparison: Comparison, width: int) -> None:
    console = Console(width=width, record=True, color_system=None, file=io.StringIO())
    console.print(*comparison_tables(comparison))
    shown = console.export_text()
    assert max(map(len, shown.splitlines())) <= width
    for text in (
        "What went in",
        "Metrics",
        "Evaluation",
        "Time per step",
        "learning_rate",
        "+0.013",
    ):
        assert text in shown
