"""`prepare_jumpstart.py` as a job: the folder that JumpStart reads, or an error with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts import prepare_jumpstart
from training_scripts.container import Job, JobFailure
from training_scripts.jumpstart_stand_in import mapped
from training_scripts.smoke import Smoke

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train

ANSWER = {"id": "1", "prompt": "What is S3?", "completion": "A store."}
DIALOG = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is S3?"},
    {"role": "assistant", "content": "A store."},
]
OWN = {"prompt": "Q: {question}", "completion": "{answer}"}


def prepare(root: Path, rows: list[Any], *, smoke: Smoke | None = None, **settings: Any) -> Any:
    """Return the texts of the files that the job writes."""
    data = root / "processing" / "input" / "data"
    data.mkdir(parents=True)
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = {"task": "instruction", "template": None, **settings}
    prepare_jumpstart.main(Job("jumpstart", "tuned", told, root, "Processing", smoke))
    written = sorted((root / "processing/output/data").iterdir())
    return {path.name: path.read_text(encoding="utf-8") for path in written}


def test_answers_get_a_template(tmp_path: Path) -> None:
    found = prepare(tmp_path, [ANSWER])
    assert sorted(found) == ["template.json", "train.jsonl"]
    row = {"prompt": "What is S3?", "completion": "A store."}
    assert json.loads(found["train.jsonl"]) == row
    template = {"prompt": "{prompt}", "completion": "{completion}"}
    assert json.loads(found["template.json"]) == template


def test_a_template_takes_columns_of_the_users(tmp_path: Path) -> None:
    rows = [{"question": "What?", "answer": "That.", "rest": 3}]
    found = prepare(tmp_path, rows, template=OWN)
    assert json.loads(found["train.jsonl"]) == {"question": "What?", "answer": "That."}
    assert json.loads(found["template.json"]) == OWN


def test_conversations_become_dialogs(tmp_path: Path) -> None:
    found = prepare(tmp_path, [{"messages": DIALOG}], task="chat")
    assert list(found) == ["train.jsonl"]
    assert json.loads(found["train.jsonl"]) == {"dialog": DIALOG}


def test_text_becomes_one_file(tmp_path: Path) -> None:
    found = prepare(tmp_path, [{"text": "One."}, {"text": "Two."}], task="domain_adaptation")
    assert found == {"train.txt": "One.\n\nTwo.\n"}


def test_a_row_without_a_column_of_the_template_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(JobFailure) as error:
        prepare(tmp_path, [{"question": "What?", "reply": "That."}], template=OWN)
    assert (
        "data/train.jsonl:1: there is no text in 'answer', which the template names. "
        "Its columns are 'question', 'reply'."
    ) in str(error.value)


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(JobFailure, match=r"there are no rows|holds no|empty"):
        prepare(tmp_path, [])


def test_a_smoke_run_takes_few_rows(tmp_path: Path) -> None:
    found = prepare(tmp_path, [ANSWER] * 90, smoke=Smoke(rows=8, steps=2))
    assert len(found["train.jsonl"].splitlines()) == 8


def test_hyperparameters_are_those_of_our_scripts() -> None:
    found = mapped({"epoch": "2", "target_modules": "q_proj,v_proj", "max_input_length": "-1"})
    assert found["num_train_epochs"] == 2.0
    assert found["target_modules"] == ["q_proj", "v_proj"]
    assert (found["max_length"], found["lora_r"], found["seed"]) == (1024, 8, 10)
    assert mapped({"max_input_length": "64"})["max_length"] == 64
