"""What the comparison of an evaluate step says."""

from __future__ import annotations

import pytest

from orchestrator.results.evaluation import Score, champion_note, evaluation_rows


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


@pytest.mark.parametrize(
    ("champion", "note"),
    [
        ({"found": True, "name": "support/3"}, "The champion is support/3."),
        (
            {"found": False, "name": "support"},
            "No version of support is approved yet: there is no champion to compare with.",
        ),
        (None, ""),
    ],
)
def test_the_champion_of_an_exam_is_named(champion: object, note: str) -> None:
    assert champion_note({"rows": [], "champion": champion}) == note


def test_a_champion_is_what_a_model_is_compared_with() -> None:
    (found,) = evaluation_rows({"rows": [row(model=0.5, champion=0.7)]})
    assert (found.best_baseline or ("",))[0] == "champion"
    assert found.verdict == "loses"
