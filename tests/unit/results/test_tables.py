"""The tables that end a run."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from orchestrator.results.evaluation import evaluation_rows
from orchestrator.results.notes import step_note
from orchestrator.results.tables import evaluation_table, steps_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orchestrator.results.model import ExecutionResult


def printed(table: RenderableType, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(table)
    return stream.getvalue()


def test_the_steps_table_names_state_time_and_metrics(succeeded: ExecutionResult) -> None:
    text = printed(steps_table(succeeded, width=140), 140)
    assert "succeeded (cached)" in text
    assert "2 min 31 s" in text
    assert "accuracy 0.887, rouge_l 0.31, perplexity 4.21" in text
    assert "accuracy 0.887 >= 0.8; forgetting.loss_delta 0.012 <= 0.05" in text


def test_the_steps_table_leaves_why_a_step_failed_to_the_lines_below_it(
    failed: ExecutionResult,
) -> None:
    text = printed(steps_table(failed, width=140), 140)
    assert "failed" in text
    assert "loss became nan" not in text
    assert "not reached" in text


def test_at_eighty_columns_a_step_has_one_line_with_as_many_metrics_as_fit(
    succeeded: ExecutionResult,
) -> None:
    many = {"rows_train": 21026.0, "rows_validation": 634.0, "rows_test": 2337.0}
    steps = tuple(
        replace(step, metrics=many) if step.type != "Condition" else step
        for step in succeeded.steps
    )
    lines = printed(steps_table(replace(succeeded, steps=steps), width=80), 80).splitlines()
    told = [line for line in lines if "rows_" in line]
    assert told
    assert all("rows_train 21,026" in line for line in told), "none goes on in another line"
    assert all(len(line) <= 80 for line in lines)
    assert not any("(cached)" in line for line in lines)


def test_a_condition_that_does_not_hold_says_so(succeeded: ExecutionResult) -> None:
    gate = next(step for step in succeeded.steps if step.conditions)
    assert step_note(replace(gate, condition_outcome=False)).endswith("<= 0.05: no")


@pytest.mark.parametrize("width", [60, 79, 80])
def test_narrow_tables_keep_every_line_within_the_width(
    succeeded: ExecutionResult, width: int
) -> None:
    rows = evaluation_rows(succeeded.step("exam").table)
    for table in (
        steps_table(succeeded, width=width),
        evaluation_table(rows, title="Evaluation", width=width),
    ):
        assert max(len(line) for line in printed(table, width).splitlines()) <= width


def test_the_evaluation_table_says_plainly_where_the_model_loses(
    succeeded: ExecutionResult,
) -> None:
    rows = evaluation_rows(succeeded.step("exam").table)
    text = printed(evaluation_table(rows, title="Evaluation", width=100), 100)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "read-or-write 0.931 0.512 0.541 0.951 0.944 loses to first word" in lines
    assert "accuracy, 400 rows 0.905-0.955" in lines
    assert any(line.startswith("base first") for line in lines)
    assert "task model model majority word TF-IDF verdict" in lines


def test_a_narrow_evaluation_table_keeps_the_verdict(succeeded: ExecutionResult) -> None:
    rows = evaluation_rows(succeeded.step("exam").table)
    text = printed(evaluation_table(rows, title="Evaluation", width=60), 60)
    assert "loses to" in text
    assert "0.951" in text
