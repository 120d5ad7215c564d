"""`prepare_bedrock.py` as a job: rows in the formats of Bedrock, or an error with file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts import prepare_bedrock
from training_scripts.container import Job, JobFailure
from training_scripts.smoke import Smoke

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train

CONVERSATION = "bedrock-conversation-2024"
SETTINGS: dict[str, Any] = {
    "customization_type": "fine_tuning",
    "base_model_identifier": "amazon.nova-lite-v1:0",
    "formats": [CONVERSATION],
    "limits": {},
}
ASKED = {"role": "user", "content": "What is S3?"}
SAID = {"role": "assistant", "content": "A store."}
IN_SERVICE = {
    "schemaVersion": CONVERSATION,
    "system": [{"text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"text": "What is S3?"}]},
        {"role": "assistant", "content": [{"text": "A store."}]},
    ],
}


def prepare(
    root: Path, rows: list[Any], *, smoke: Smoke | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """Return the rows that the job writes."""
    data = root / "processing" / "input" / "data"
    data.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (data / "train.jsonl").write_text("".join(f"{line}\n" for line in lines))
    # What the step of kind `dataset` lays beside it is not trained on.
    (data / "validation.jsonl").write_text('{"prompt": "held", "completion": "out"}\n')
    job = Job("bedrock", "tuned", {**SETTINGS, **settings}, root, "Processing", smoke)
    prepare_bedrock.main(job)
    written = (root / "processing/output/data/train.jsonl").read_text().splitlines()
    return [json.loads(line) for line in written]


@pytest.mark.parametrize(
    ("customization_type", "formats", "row", "written"),
    [
        ("continued_pre_training", [], {"id": "1", "text": "S3 stores."}, {"input": "S3 stores."}),
        ("continued_pre_training", [], {"input": "S3 stores."}, {"input": "S3 stores."}),
        (
            "fine_tuning",
            ["prompt-completion", CONVERSATION],
            {"id": "1", "prompt": "What is S3?", "completion": "A store.", "task": "qa"},
            {"prompt": "What is S3?", "completion": "A store."},
        ),
        (
            "fine_tuning",
            ["prompt-completion"],
            {"messages": [{"role": "system", "content": "Be brief."}, ASKED, SAID]},
            {"prompt": "Be brief.\nWhat is S3?", "completion": "A store."},
        ),
        (
            "fine_tuning",
            [CONVERSATION],
            {"messages": [{"role": "system", "content": "Be brief."}, ASKED, SAID]},
            IN_SERVICE,
        ),
        ("fine_tuning", [CONVERSATION], IN_SERVICE, IN_SERVICE),
        (
            "distillation",
            [CONVERSATION],
            {"messages": [ASKED]},
            {"schemaVersion": CONVERSATION, "messages": IN_SERVICE["messages"][:1]},
        ),
        (
            "reinforcement_fine_tuning",
            [CONVERSATION],
            {"prompt": "What is S3?", "completion": "A store."},
            {"messages": [ASKED], "reference_answer": "A store."},
        ),
        (
            "reinforcement_fine_tuning",
            [CONVERSATION],
            {"messages": [ASKED], "reference_answer": {"words": 2}},
            {"messages": [ASKED], "reference_answer": {"words": 2}},
        ),
    ],
)
def test_a_row_becomes_one_of_the_services_format(
    tmp_path: Path, customization_type: str, formats: list[str], row: Any, written: Any
) -> None:
    changes = {"customization_type": customization_type, "formats": formats}
    assert prepare(tmp_path, [row], **changes) == [written]


@pytest.mark.parametrize(
    ("customization_type", "row", "message"),
    [
        ("fine_tuning", "{oops", "data/train.jsonl:2: not valid JSON"),
        (
            "fine_tuning",
            {"messages": [ASKED, ASKED, SAID]},
            "data/train.jsonl:2: messages[1] is of role 'user', and 'assistant' is its turn. "
            "Let user and assistant take turns, the user first.",
        ),
        (
            "fine_tuning",
            {"messages": [ASKED]},
            "data/train.jsonl:2: the last turn is the user's. "
            "End it with what the assistant should say.",
        ),
        (
            "fine_tuning",
            {"prompt": "What is S3?", "completion": " "},
            "data/train.jsonl:2: completion is an empty text. "
            "Write text: images and other parts are not supported.",
        ),
        (
            "fine_tuning",
            {"messages": [{"role": "user", "content": [{"image": {}}]}, SAID]},
            "data/train.jsonl:2: messages[0] is null. "
            "Write text: images and other parts are not supported.",
        ),
        (
            "continued_pre_training",
            {"prompt": "a", "completion": "b"},
            "data/train.jsonl:2: found an object with prompt, completion, no text. "
            'Write {"input": "..."}.',
        ),
        (
            "reinforcement_fine_tuning",
            {"messages": [ASKED]},
            'data/train.jsonl:2: there is nothing to grade an answer by. Add "reference_answer".',
        ),
    ],
)
def test_a_row_that_does_not_fit_is_told_with_file_and_line(
    tmp_path: Path, customization_type: str, row: Any, message: str
) -> None:
    good = {"input": "a"} if customization_type == "continued_pre_training" else IN_SERVICE
    if customization_type == "reinforcement_fine_tuning":
        good = {"prompt": "a", "completion": "b"}
    with pytest.raises(JobFailure) as error:
        prepare(tmp_path, [good, row], customization_type=customization_type)
    assert str(error.value).startswith(message)


def test_a_row_longer_than_the_model_takes_is_refused(tmp_path: Path) -> None:
    row = {"input": "x" * 61}
    changes = {"customization_type": "continued_pre_training", "limits": {"max_tokens": 10}}
    with pytest.raises(JobFailure, match=r"train.jsonl:1: the row has about 11 tokens .* takes 10"):
        prepare(tmp_path, [row], **changes)
    assert prepare(tmp_path, [{"input": "x" * 60}], **changes)


def test_too_many_and_too_few_rows_are_refused(tmp_path: Path) -> None:
    limits = {"min_training_records": 2, "max_training_records": 3}
    with pytest.raises(JobFailure, match=r"data: 4 rows, and amazon\S+ takes 3 at most"):
        prepare(tmp_path, [IN_SERVICE] * 4, limits=limits)
    with pytest.raises(JobFailure, match=r"data: 1 rows, and amazon\S+ wants 2 or more"):
        prepare(tmp_path, [IN_SERVICE], limits=limits)
    assert len(prepare(tmp_path, [IN_SERVICE] * 3, limits=limits)) == 3


def test_a_smoke_run_takes_few_rows_and_asks_for_no_more(tmp_path: Path) -> None:
    limits = {"min_training_records": 8}
    smoke = Smoke(rows=2, steps=2)
    assert len(prepare(tmp_path, [IN_SERVICE] * 5, smoke=smoke, limits=limits)) == 2
