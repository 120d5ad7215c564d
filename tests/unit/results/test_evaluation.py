"""What the comparison of an evaluate step says."""

from __future__ import annotations

import pytest

from orchestrator.results.evaluation import Score, evaluation_rows


def row(**members: object) -> dict[str, object]:
    return {"task": "t", "metric": "accuracy", "rows": 10, **members}


def test_a_model_below_its_strongest_baseline_loses() -> None:
    (read,) = evaluation_rows(
        [row(model={"value": 0.8}, majority={"value": 0.5}, tfidf={"value": 0.9})]  # type: ignore[list-item]
    )
    assert read.verdict == "loses"
    assert read.best_baseline == ("tfidf", Score(0.9))


def test_a_lower_loss_wins_where_lower_is_better() -> None:
    (read,) = evaluation_rows(
        [row(metric="loss", model={"value": 1.0}, base={"value": 2.0}, lower_is_better=True)]  # type: ignore[list-item]
    )
    assert read.verdict == "wins"


def test_scores_equal_as_printed_tie() -> None:
    (read,) = evaluation_rows([row(model={"value": 0.9001}, base={"value": 0.9004})])  # type: ignore[list-item]
    assert read.verdict == "ties"


def test_the_verdict_of_the_job_wins_over_ours() -> None:
    (read,) = evaluation_rows(
        [row(model={"value": 0.91}, base={"value": 0.9}, verdict="ties")]  # type: ignore[list-item]
    )
    assert read.verdict == "ties"


def test_a_model_alone_has_no_verdict() -> None:
    (read,) = evaluation_rows([row(model={"value": 0.91})])  # type: ignore[list-item]
    assert read.verdict == ""
    assert read.best_baseline is None


@pytest.mark.parametrize(
    "table", [None, 3, "rows", {}, {"rows": 3}, {"rows": [3, {"task": "no model"}]}]
)
def test_what_is_not_a_comparison_gives_no_rows(table: object) -> None:
    assert evaluation_rows(table) == ()  # type: ignore[arg-type]
