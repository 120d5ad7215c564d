"""Which models a chat asks: registered ones, steps', folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.commands.chat_models import find_cast
from orchestrator.errors import InputError
from orchestrator.local.home import Home
from orchestrator.local.journal import Journal
from orchestrator.local.journal_rows import ExecutionRecord, StepRecord
from orchestrator.local.store import Store
from orchestrator.results.model import StepResult, step_to_json

if TYPE_CHECKING:
    from pathlib import Path

RUN = "a1b2"
BASE, TUNED = "s3://b/hub/base/", "s3://b/run/tune/job/output/model/"


def channel(name: str, uri: str) -> dict[str, object]:
    local = f"/opt/ml/processing/input/{name}"
    return {"InputName": name, "S3Input": {"S3Uri": uri, "LocalPath": local}}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a tuned, examined and registered model."""
    home = Home(tmp_path / "home")
    home.make()
    tune = {
        "TrainingJobName": "job",
        "InputDataConfig": [
            {"ChannelName": "model", "DataSource": {"S3DataSource": {"S3Uri": BASE}}}
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://b/run/tune", "CompressionType": "NONE"},
    }
    exam = {"ProcessingInputs": [channel("model", TUNED), channel("base_model", BASE)]}
    records = [
        StepRecord("tune", step_to_json(StepResult("tune", "Training", "Succeeded")), tune),
        StepRecord("exam", step_to_json(StepResult("exam", "Processing", "Succeeded")), exam),
    ]
    with Journal(home.journal) as journal:
        started = "2026-01-01T00:00:00+00:00"
        journal.add_execution(ExecutionRecord(RUN, started, "p", b"{}", {}, {}, 2), records)
        for record in records:
            journal.set_step(RUN, record)
        artifacts = {"Containers": [{"ModelDataUrl": TUNED}]}
        package = {"InferenceSpecification": artifacts}
        journal.register_model("helper", (RUN, "publish"), started, package)
    for uri in (BASE, TUNED):
        Store(home.store).put_bytes(f"{uri}config.json", b"{}")
    return home


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (None, "helper/1"),
        ("helper", "helper/1"),
        ("helper/1", "helper/1"),
        (RUN, RUN),
        ("last/tune", f"{RUN}/tune"),
        ("a1/exam", f"{RUN}/exam"),
    ],
)
def test_a_model_is_found_with_the_base_of_its_exam(
    home: Home, text: str | None, label: str
) -> None:
    cast = find_cast(text, None, home)
    assert cast.model.label == label
    base, model = cast.asked()
    assert base.folder == home.store / "b/hub/base"
    assert model.folder == home.store / "b/run/tune/job/output/model"
    assert model.under == base.folder


def test_none_leaves_the_base_out(home: Home) -> None:
    assert [one.name for one in find_cast("helper", "none", home).asked()] == ["model"]


def test_a_base_that_is_gone_is_left_out(home: Home) -> None:
    Store(home.store).delete(f"{BASE}config.json")
    assert find_cast("helper", None, home).base is None


def test_a_folder_is_compared_only_if_told_with_what(home: Home, tmp_path: Path) -> None:
    assert find_cast(str(tmp_path), None, home).base is None
    base, model = find_cast(str(tmp_path), "helper", home).asked()
    assert model.folder == tmp_path
    assert base.folder == home.store / "b/run/tune/job/output/model"


def test_weights_that_are_gone_are_told(home: Home) -> None:
    Store(home.store).delete(f"{TUNED}config.json")
    with pytest.raises(InputError, match="helper/1: its weights are not in the store any more"):
        find_cast("helper", None, home)


def test_an_unknown_name_is_told_with_the_known_ones(home: Home) -> None:
    with pytest.raises(InputError, match=r"no model, execution or folder 'halper'.*helper/1"):
        find_cast("halper", None, home)
