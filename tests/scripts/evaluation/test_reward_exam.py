from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")

from tests.scripts.conftest import build_tokenizer
from tests.scripts.training.preference_model import reward_model_of
from training_scripts.container import Job, JobFailure
from training_scripts.data.rows import MessagesRow, PromptRow
from training_scripts.evaluate import examine
from training_scripts.evaluation.language_model import check_model_folder
from training_scripts.evaluation.questions import Question
from training_scripts.evaluation.reward_exam import calibration_error, examine_scorer
from training_scripts.evaluation.reward_model import load_scorer
from training_scripts.evaluation.scores import Measure
from training_scripts.loading import is_reward_model
from training_scripts.shrink_model import shrink
from training_scripts.training.model import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.train
MEASURE = Measure(0.95, 42)


def question(chosen: str, rejected: str | None, task: str = "t") -> Question:
    other = None if rejected is None else PromptRow("r", "a", rejected)
    return Question(PromptRow("r", "a", chosen), task, "a", chosen, other)


def length_of(rows: Sequence[PromptRow | MessagesRow]) -> list[float]:
    """A judge that likes what is long."""
    return [float(len(row.completion)) for row in rows if isinstance(row, PromptRow)]


def test_a_pair_counts_where_the_chosen_answer_scores_higher() -> None:
    asked = [question("aaa", "a"), question("a", "aaa"), question("aa", "a", "u")]
    found = examine_scorer(length_of, asked, MEASURE)
    assert found["rows"] == 3
    assert found["preference_accuracy"] == pytest.approx(2 / 3)
    assert found["preference_accuracy.t"] == 0.5
    assert found["preference_accuracy.u"] == 1
    assert found["reward_margin"] == pytest.approx(1 / 3)
    assert found["preference_accuracy.low"] <= 2 / 3 <= found["preference_accuracy.high"]


def test_a_judge_of_length_is_found_out() -> None:
    asked = [question("a" * n, "a" * (9 - n)) for n in range(1, 9)]
    found = examine_scorer(length_of, asked, MEASURE)
    assert found["margin_length_correlation"] == pytest.approx(1)


def test_what_a_margin_claims_is_compared_with_how_often_it_is_right() -> None:
    three_to_one = math.log(3)
    assert calibration_error([three_to_one] * 3 + [-three_to_one]) == pytest.approx(0)
    assert calibration_error([three_to_one] * 4) == pytest.approx(0.25)
    assert calibration_error([-1000.0]) == pytest.approx(1)


def test_a_reward_model_is_examined_on_pairs_only() -> None:
    with pytest.raises(JobFailure, match=r"row 'r' has no rejected answer.*format preference"):
        examine_scorer(length_of, [question("a", None)], MEASURE)


def exam_of(root: Path, settings: dict[str, Any]) -> Job:
    inputs = root / "processing/input"
    model, data = inputs / "model", inputs / "data"
    data.mkdir(parents=True)
    reward_model_of(1.0).save_pretrained(model)
    build_tokenizer().save_pretrained(model)
    rows = [
        {"id": str(n), "prompt": "Who?\n", "chosen": f"It {n}.", "rejected": "No one."}
        for n in range(4)
    ]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Job("evaluate", "exam", settings, root, "Processing")


def test_a_job_measures_a_reward_model(tmp_path: Path) -> None:
    job = exam_of(tmp_path, {"max_length": 64})
    examine(job)
    found = json.loads((job.output("metrics") / "metrics.json").read_text(encoding="utf-8"))
    assert found["rows"] == 4
    assert 0 <= found["preference_accuracy"] <= 1
    assert 0 <= found["brier"] <= 1
    assert found["leaked_rows"] == 0
    assert json.loads((job.output("metrics") / "table.json").read_text())["rows"] == []


def test_a_reward_model_has_no_base(tmp_path: Path) -> None:
    job = exam_of(tmp_path, {"max_length": 64})
    (tmp_path / "processing/input/base_model").symlink_to(job.input("model"))
    with pytest.raises(JobFailure, match="base_model: a reward model is measured alone"):
        examine(job)


def test_a_reward_model_is_not_asked_to_write(tmp_path: Path) -> None:
    folder = exam_of(tmp_path, {}).input("model")
    with pytest.raises(JobFailure, match=r"model: it is a reward model, which scores texts"):
        check_model_folder(folder)
    with pytest.raises(JobFailure, match=r"model_name_or_path: it is a reward model"):
        load_model(folder, None)


def test_a_smoke_run_makes_a_tiny_reward_model(tmp_path: Path) -> None:
    folder = exam_of(tmp_path, {}).input("model")
    assert shrink(folder, tmp_path / "tiny") == ""
    assert is_reward_model(tmp_path / "tiny")
    scorer = load_scorer(tmp_path / "tiny", "model", 64, "cpu")
    assert len(scorer([PromptRow("r", "a", "b"), PromptRow("r", "a", "c d")])) == 2


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    job = exam_of(tmp_path, {"max_length": 64})
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([f"<{n}>" for n in range(50)])
    tokenizer.save_pretrained(job.input("model"))
    with pytest.raises(
        JobFailure,
        match=r"model: its tokenizer has \d+ tokens and its weights 404: they are of two",
    ):
        examine(job)
