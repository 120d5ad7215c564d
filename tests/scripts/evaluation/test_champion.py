"""The champion: whether there is one, and what is measured against it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from scipy.stats import binomtest

from training_scripts.container import Job
from training_scripts.evaluation.champion import champion_metrics, mcnemar_tests, read_champion
from training_scripts.evaluation.intervals import mcnemar_p_value
from training_scripts.evaluation.report import Findings, metrics, table
from training_scripts.evaluation.scores import Measure, Series

if TYPE_CHECKING:
    from pathlib import Path

MEASURE = Measure(0.95, 42)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (9, 1), (5, 5), (30, 12), (400, 330)])
def test_mcnemars_test_is_the_exact_binomial_one(wins: int, losses: int) -> None:
    first = [1.0] * wins + [0.0] * losses + [1.0, 0.0] * 7
    second = [0.0] * wins + [1.0] * losses + [1.0, 0.0] * 7
    found = mcnemar_p_value(first, second)
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert found == pytest.approx(expected, rel=1e-12)
    assert mcnemar_p_value(second, first) == found


def right(*scores: int) -> Series:
    return Series([float(score) for score in scores], [1.0] * len(scores))


MODEL = {"accuracy": {"a": right(1, 1, 1, 1), "b": right(1, 0)}, "loss": {"a": right(1, 1)}}
CHAMPION = {"accuracy": {"a": right(0, 1, 0, 0), "b": right(1, 0)}, "loss": {"a": right(2, 2)}}


def test_a_champion_is_compared_on_the_same_rows() -> None:
    found = metrics(Findings(MODEL, None, {}, CHAMPION), MEASURE)
    assert found["champion.accuracy"] == pytest.approx(2 / 6)
    assert found["champion.difference.accuracy"] == pytest.approx(3 / 6)
    assert found["champion.difference.accuracy.low"] <= 3 / 6
    assert found["champion.difference.loss"] == -1
    assert found["champion.p_value.accuracy.a"] == 0.25
    assert found["champion.p_value.accuracy.b"] == 1
    assert "champion.p_value.loss" not in found
    assert dict(mcnemar_tests(MODEL, CHAMPION))["accuracy"] == 0.25


def test_a_champion_is_a_rival_in_the_table() -> None:
    rows = table(Findings(MODEL, None, {}, CHAMPION), MEASURE)["rows"]
    assert rows[0]["champion"]["value"] == 0.25
    assert rows[0]["against"] == "champion"


def job(tmp_path: Path, record: dict[str, object] | None, *, champion: bool = True) -> Job:
    inputs = tmp_path / "processing" / "input"
    inputs.mkdir(parents=True)
    if champion:
        (inputs / "champion").mkdir()
    if record is not None:
        (inputs / "champion_record").mkdir()
        (inputs / "champion_record" / "approved.json").write_text(json.dumps(record))
    return Job("evaluate", "exam", {}, tmp_path, "Processing")


def test_a_champion_that_is_not_there_yet_is_said_and_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = read_champion(job(tmp_path, {"found": False, "name": "support"}))
    assert champion is not None
    assert "champion: no version of support is approved yet" in capsys.readouterr().out
    assert champion_metrics(champion, ["champion.difference.loss"]) == {
        "champion.difference.loss": 0,
        "champion.found": 0,
    }


def test_a_version_is_named_and_a_fixed_model_has_none(tmp_path: Path) -> None:
    record = {"found": True, "name": "support/3", "version": 3}
    champion = read_champion(job(tmp_path / "a", record))
    assert champion_metrics(champion, ["champion.difference.loss"]) == {
        "champion.found": 1,
        "champion.version": 3,
    }
    fixed = read_champion(job(tmp_path / "b", None))
    assert champion_metrics(fixed, []) == {"champion.found": 1}


def test_without_a_champion_nothing_is_said_of_one(tmp_path: Path) -> None:
    assert read_champion(job(tmp_path, None, champion=False)) is None
    assert champion_metrics(None, []) == {}
