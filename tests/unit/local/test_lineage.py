"""What the journal knows of a model: its base, and how its prompts were worded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import InputError
from orchestrator.local.home import Home
from orchestrator.local.journal import Journal
from orchestrator.local.journal_rows import ExecutionRecord, StepRecord
from orchestrator.local.lineage import model_uri, origin_of
from orchestrator.local.store import Store
from orchestrator.results.model import StepResult, step_to_json

if TYPE_CHECKING:
    from pathlib import Path

RUN = "a1b2"
DATA, CODE, BASE = "s3://b/run/split/data", "s3://b/code/1/", "s3://b/hub/base/"
WRITE = "s3://b/code/2/"
TUNED = "s3://b/run/tune/job-tune/output/model/"


def processing(inputs: dict[str, str], outputs: dict[str, str], *arguments: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": "job",
        "AppSpecification": {"ContainerArguments": list(arguments)},
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}"},
            }
            for name, uri in inputs.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": name,
                    "S3Output": {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/output/{name}"},
                }
                for name, uri in outputs.items()
            ]
        },
    }


def training(inputs: dict[str, str]) -> dict[str, Any]:
    return {
        "TrainingJobName": "job-tune",
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {"S3Uri": uri}}}
            for name, uri in inputs.items()
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://b/run/tune", "CompressionType": "NONE"},
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def ran(home: Home, *template: str, status: str = "Succeeded") -> None:
    """Record a split, a tuning, an exam and completions of a model."""
    home.make()
    steps: list[tuple[str, Any, dict[str, Any]]] = [
        ("split", "Processing", processing({"code": CODE}, {"data": DATA}, "prep.py", *template)),
        ("tune", "Training", training({"data": DATA, "model": BASE})),
        ("exam", "Processing", processing({"model": TUNED, "base_model": BASE}, {})),
        ("write", "Training", training({"data": DATA, "model": BASE, "code": WRITE})),
    ]
    records = [
        StepRecord(name, step_to_json(StepResult(name, kind, status)), properties)  # type: ignore[arg-type]
        for name, kind, properties in steps
    ]
    with Journal(home.journal) as journal:
        started = "2026-01-01T00:00:00+00:00"
        journal.add_execution(ExecutionRecord(RUN, started, "p", b"{}", {}, {}, 2), records)
        for record in records:
            journal.set_step(RUN, record)


def stored(home: Home, row: dict[str, Any], settings: dict[str, Any] | None = None) -> Store:
    store = Store(home.store)
    store.put_bytes(f"{DATA}/train.jsonl", json.dumps(row).encode() + b"\n")
    config = {"kind": "dataset", "settings": settings or {}}
    store.put_bytes(f"{CODE}config.json", json.dumps(config).encode())
    return store


PROMPT = {"id": "1", "prompt": "a\n", "completion": "b"}
CHAT = {"id": "1", "messages": [{"role": "user", "content": "a"}]}


@pytest.mark.parametrize(
    ("row", "settings", "arguments", "template"),
    [
        (PROMPT, {}, (), "plain"),
        (PROMPT, {"prompt_template": "alpaca"}, (), "alpaca"),
        (PROMPT, {"prompt_template": "alpaca"}, ("--prompt_template=code",), "code"),
        (CHAT, {"prompt_template": "plain"}, (), "chat"),
        ({"id": "1", "text": "a"}, {}, (), "raw"),
    ],
)
def test_prompts_are_worded_as_the_rows_of_the_dataset_step(
    home: Home, row: Any, settings: Any, arguments: tuple[str, ...], template: str
) -> None:
    ran(home, *arguments)
    store = stored(home, row, {**settings, "system_prompt": "Be short."})
    wording = origin_of(TUNED, RUN, home, store).wording
    assert (wording.template, wording.step) == (template, "split")
    assert wording.system_prompt == (None if template == "raw" else "Be short.")


def test_rows_that_no_dataset_step_made_are_taken_as_they_are(home: Home) -> None:
    ran(home)
    store = Store(home.store)
    store.put_bytes(f"{DATA}/train.jsonl", json.dumps(PROMPT).encode())
    assert origin_of(TUNED, RUN, home, store).wording.template == "raw"
    store.put_bytes(f"{DATA}/train.jsonl", json.dumps(CHAT).encode())
    assert origin_of(TUNED, RUN, home, store).wording.template == "chat"


def test_the_base_is_what_the_exam_compared_with(home: Home) -> None:
    ran(home)
    origin = origin_of(TUNED.rstrip("/"), RUN, home, Store(home.store))
    assert origin.base_uri == origin.trained_from_uri == BASE


def test_a_model_of_somewhere_else_has_no_base_and_no_wording(home: Home) -> None:
    ran(home)
    origin = origin_of("s3://b/other/", RUN, home, Store(home.store))
    assert (origin.base_uri, origin.wording.template) == (None, "auto")


def test_an_exam_has_the_model_that_it_examined(home: Home) -> None:
    ran(home)
    assert model_uri(RUN, "tune", home) == TUNED
    assert model_uri(RUN, "exam", home) == TUNED
    assert model_uri(RUN, None, home) == TUNED


def test_a_step_without_a_model_is_refused_with_those_that_have_one(home: Home) -> None:
    ran(home)
    with pytest.raises(InputError, match=r"step 'split' has made no model. These have: tune, exam"):
        model_uri(RUN, "split", home)


def test_a_step_that_failed_has_made_no_model(home: Home) -> None:
    ran(home, status="Failed")
    with pytest.raises(InputError, match="no step has made a model"):
        model_uri(RUN, None, home)


def test_completions_of_a_model_are_no_model(home: Home) -> None:
    ran(home)
    config = b'{"kind": "generate", "settings": {}}'
    Store(home.store).put_bytes(f"{WRITE}config.json", config)
    assert model_uri(RUN, None, home) == TUNED
    with pytest.raises(InputError, match=r"'write' has made no model. These have: tune, exam\."):
        model_uri(RUN, "write", home)
