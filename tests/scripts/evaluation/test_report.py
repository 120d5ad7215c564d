from __future__ import annotations

import math

import pytest

from training_scripts.data.rows import PreferenceRow, PromptRow, TextRow
from training_scripts.evaluation.exam import Answers
from training_scripts.evaluation.intervals import Estimate
from training_scripts.evaluation.likelihood import Loss
from training_scripts.evaluation.questions import Question, as_questions
from training_scripts.evaluation.report import (
    Findings,
    metrics,
    printed,
    samples,
    score_baselines,
    table,
    verdict,
)
from training_scripts.evaluation.scores import Measure, score

MEASURE = Measure(confidence=0.95, seed=0)
CLOSED = {"closed": ("no", "yes")}


def exam(count: int = 40, start: int = 0) -> list[Question]:
    rows = [
        PromptRow(
            f"c{n}", f"ask {n} {'even' if n % 2 else 'odd'}", "no" if n % 2 else "yes", "closed"
        )
        for n in range(start, start + count)
    ]
    rows += [PromptRow(f"o{n}", f"tell {n}", "the end of it", "open") for n in range(4)]
    return as_questions(rows, task_column="task")


def answers(questions: list[Question], *, right: float, nats: float) -> Answers:
    chosen = []
    for number, question in enumerate(questions):
        is_right = number < right * len(questions)
        wrong = "yes" if question.expected == "no" else "no"
        chosen.append(
            (question.expected if is_right else wrong) if question.task in CLOSED else None
        )
    written = [answer or "The end." for answer in chosen]
    none = (None,) * len(questions)
    return Answers(tuple(Loss(nats, 2) for _ in questions), tuple(chosen), tuple(written), none)


@pytest.fixture
def findings() -> Findings:
    questions = exam()
    model = score(questions, answers(questions, right=1, nats=1.0), CLOSED)
    base = score(questions, answers(questions, right=0.25, nats=3.0), CLOSED)
    return Findings(model, base, score_baselines(questions, exam(start=100), CLOSED))


def test_metrics_are_flat_and_finite_and_named_by_task(findings: Findings) -> None:
    found = metrics(findings, MEASURE)

    assert all(math.isfinite(value) for value in found.values())
    assert found["accuracy"] == found["accuracy.closed"] == 1
    assert found["loss"] == pytest.approx(0.5)
    assert found["perplexity.open"] == pytest.approx(math.exp(0.5))
    assert found["base.loss"] == pytest.approx(1.5)
    assert found["base.accuracy"] == pytest.approx(11 / 40)
    assert found["rouge_l.open"] == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert found["exact_match.open"] == 0
    assert found["baseline.majority.accuracy.closed"] == 0.5
    assert (found["rows"], found["rows.open"]) == (44, 4)
    assert "rouge_l.closed" not in found


def test_preferences_are_scored_by_the_token_and_by_the_answer() -> None:
    sides = (PromptRow("", "Ask", "a"), PromptRow("", "Ask", "b"))
    questions = as_questions([PreferenceRow("p", *sides)] * 4, task_column="task")
    chosen = (Loss(2.0, 1), Loss(2.0, 4), Loss(4.0, 4), Loss(4.0, 1))
    rejected = (Loss(3.0, 3), Loss(3.0, 4), Loss(3.0, 1), Loss(3.0, 1))
    sat = Answers(chosen, (None,) * 4, ("a",) * 4, rejected)
    scores = score(questions, sat, {})

    assert scores["preference_accuracy"]["all"].scores == [0, 1, 1, 0]
    assert scores["preference_accuracy_sum"]["all"].scores == [1, 1, 0, 0]
    found = table(Findings(scores, scores, {}), MEASURE)["rows"]
    assert (found[0]["kind"], found[0]["metric"]) == ("preference", "preference_accuracy")
    assert found[0]["verdict"] == "ties"
    assert "all             preference_accuracy       4       0.500" in printed(found)


def test_every_metric_lies_between_its_bounds(findings: Findings) -> None:
    found = metrics(findings, MEASURE)

    bounded = [name for name in found if f"{name}.low" in found]
    assert "difference.loss" in bounded
    for name in bounded:
        assert found[f"{name}.low"] <= found[name] + 1e-12, name
        assert found[name] <= found[f"{name}.high"] + 1e-12, name


def test_a_difference_is_the_models_metric_less_that_of_its_base(findings: Findings) -> None:
    found = metrics(findings, MEASURE)

    for name in ("accuracy", "loss", "exact_match.closed", "rouge_l.open"):
        expected = found[name] - found[f"base.{name}"]
        assert found[f"difference.{name}"] == pytest.approx(expected)


def test_the_table_compares_each_task_with_the_best_of_the_others(findings: Findings) -> None:
    rows = {row["task"]: row for row in table(findings, MEASURE)["rows"]}

    closed = rows["closed"]
    assert (closed["metric"], closed["rows"], closed["model"]["value"]) == ("accuracy", 40, 1)
    assert closed["against"] == "tfidf", "the word that tells is the last one"
    assert closed["verdict"] == "ties"
    assert rows["open"]["metric"] == "rouge_l"
    assert set(rows["open"]) & {"majority", "tfidf"} == set()
    assert rows["open"]["against"] == "base"


def test_a_model_that_is_worse_is_said_to_lose(findings: Findings) -> None:
    assert findings.base is not None
    worse = Findings(findings.base, None, findings.baselines)

    rows = {row["task"]: row for row in table(worse, MEASURE)["rows"]}

    assert rows["closed"]["verdict"] == "loses"
    assert "loses against tfidf" in printed(table(worse, MEASURE)["rows"])


def test_a_model_alone_has_no_verdict(findings: Findings) -> None:
    rows = table(Findings(findings.model, None, {}), MEASURE)["rows"]

    assert all("verdict" not in row for row in rows)


@pytest.mark.parametrize(
    ("low", "high", "direction", "expected"),
    [
        (0.1, 0.2, "higher is better", "wins"),
        (-0.1, 0.2, "higher is better", "ties"),
        (0.0, 0.2, "higher is better", "ties"),
        (-0.3, -0.1, "higher is better", "loses"),
        (-0.3, -0.1, "lower is better", "wins"),
        (0.1, 0.2, "lower is better", "loses"),
    ],
)
def test_a_verdict_needs_an_interval_without_zero(
    low: float,
    high: float,
    direction: str,
    expected: str,
) -> None:
    found = verdict(
        Estimate((low + high) / 2, low, high), lower_is_better=direction == "lower is better"
    )

    assert found == expected


def test_baselines_are_left_out_where_no_training_row_has_the_task(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert score_baselines(exam(), [], CLOSED) == {}
    assert "train_data has no rows of task 'closed'" in capsys.readouterr().out


def test_samples_take_turns_between_tasks() -> None:
    questions = exam()
    model = answers(questions, right=1, nats=1)

    found = samples(questions, model, None, 5)

    assert [sample["task"] for sample in found] == ["closed", "open", "closed", "open", "closed"]
    assert found[1] == {
        "task": "open",
        "prompt": "tell 0",
        "expected": "the end of it",
        "base": None,
        "tuned": "The end.",
    }


def test_plain_text_is_measured_by_its_loss() -> None:
    questions = as_questions([TextRow("1", "x"), TextRow("2", "y")], task_column="task")
    sat = Answers((Loss(4.0, 2), Loss(2.0, 2)), (None, None), (None, None), (None, None))
    own = score(questions, sat, {})

    rows = table(Findings(own, own, {}), MEASURE)["rows"]

    assert rows[0]["metric"] == "loss"
    assert rows[0]["lower_is_better"] is True
    assert rows[0]["model"]["value"] == pytest.approx(1.5)
    assert rows[0]["verdict"] == "ties"
