"""Tiny models, tokenizers and jobs."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.spec.train import TrainSpec
from training_scripts import pretrain
from training_scripts.container import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARCHITECTURE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
VERBS = ("Creates", "Deletes", "Lists", "Updates", "Describes")
NOUNS = ("a bucket", "a table", "an alarm", "a queue", "a function", "a role")


def settings_of(objective: str, **fields: Any) -> dict[str, Any]:
    """The settings a job gets: every field of the spec, defaults included."""
    values: dict[str, Any] = {"max_length": 64, "learning_rate": 3e-3, **fields}
    if objective == "pretrain":
        values = {"architecture": ARCHITECTURE, "tokenizer": {"vocab_size": 300}, **values}
    else:
        values = {"model_name_or_path": "$before.model", **values}
    spec = TrainSpec.model_validate({"objective": objective, "data": "$split", **values})
    return json.loads(spec.model_dump_json())


def texts(count: int, start: int = 0) -> list[str]:
    return [
        f"{VERBS[i % 5]} {NOUNS[i % 6]} number {i} in the account."
        for i in range(start, start + count)
    ]


def write_split(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": f"{name}-{i}", **row}) + "\n" for i, row in enumerate(rows)]
    (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def row_of(objective: str, text: str) -> dict[str, Any]:
    """The verb follows from what comes after it; another is what nobody prefers."""
    verb, rest = text.split(" ", 1)
    match objective:
        case "sft":
            return {"prompt": f"{rest}\n", "completion": verb}
        case "dpo" | "reward" | "kto":
            other = VERBS[(VERBS.index(verb) + 1) % 5]
            return {"prompt": f"{rest}\n", "chosen": verb, "rejected": other}
        case _:
            return {"text": text}


def make_job(root: Path, settings: dict[str, Any], *, model: Path | None = None) -> Job:
    """A Training job with rows fitting its objective."""
    channels = root / "input" / "data"
    code = channels / "code"
    code.mkdir(parents=True)
    config = {"kind": "train", "step": "train", "settings": settings}
    (code / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for name, found in (("train", texts(40)), ("validation", texts(8, start=100))):
        write_split(channels / "data", name, [row_of(settings["objective"], t) for t in found])
    if model is not None:
        (channels / "model").symlink_to(model)
    return Job("train", "train", settings, root, "Training")


@pytest.fixture(name="settings_of", scope="session")
def settings_of_fixture() -> Callable[..., dict[str, Any]]:
    return settings_of


@pytest.fixture(name="write_split", scope="session")
def write_split_fixture() -> Callable[..., None]:
    return write_split


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """Make the one job of a test, in its own folder."""
    return functools.partial(make_job, tmp_path / "ml")


@pytest.fixture(name="make_job", scope="session")
def make_job_fixture() -> Callable[..., Job]:
    return make_job


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as `pretrain.py` leaves it."""
    root = tmp_path_factory.mktemp("base")
    pretrain.main(make_job(root, settings_of("pretrain", max_steps=10)))
    return root / "model"
