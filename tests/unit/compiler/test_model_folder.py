"""A local folder that no job could load a model from is refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.compiler.model_folder import refuse_no_model
from orchestrator.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = {
    "config.json": '{"model_type": "llama"}',
    "model-00001-of-00002.safetensors": "",
    "tokenizer.json": "{}",
}


def folder(parent: Path, **changed: str | None) -> Path:
    """Return a folder with a model's files, less those that are None."""
    files = WHOLE | {name.replace("__", "."): text for name, text in changed.items()}
    made = parent / "base"
    made.mkdir()
    for name, text in files.items():
        if text is not None:
            (made / name).write_text(text)
    return made


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"tokenizer__json": None, "tokenizer__model": ""},
        {"tokenizer__json": None, "vocab__txt": ""},
        {"config__json": None, "tokenizer__json": None, "adapter_config__json": "{}"},
        {"pytorch_model__bin": "beside the safe ones"},
    ],
    ids=str,
)
def test_a_model_or_an_adapter_is_taken(tmp_path: Path, changed: dict[str, str | None]) -> None:
    refuse_no_model(folder(tmp_path, **changed), "steps.sft.model_name_or_path")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"config__json": None},
            "has no config.json (found: model-00001-of-00002.safetensors, tok",
        ),
        ({"config__json": "{"}, "has a config.json that is not JSON. Copy that file again."),
        ({"config__json": "[]"}, "has a config.json without `model_type`. Copy that file again."),
        ({"tokenizer__json": None}, "has no tokenizer (found: config.json, model-00001-of-00002."),
        (
            {"tokenizer__json": None, "tokenizer_config__json": "{}"},
            "Copy its tokenizer files too.",
        ),
        ({"model-00001-of-00002__safetensors": None}, "has no weights (*.safetensors; found: conf"),
        (
            {"model-00001-of-00002__safetensors": None, "pytorch_model__bin": ""},
            "has its weights as pickles (found: pytorch_model.bin), which can run code when "
            "loaded. Convert them to safetensors.",
        ),
    ],
)
def test_what_is_missing_is_named_with_the_field(
    tmp_path: Path, changed: dict[str, str | None], told: str
) -> None:
    made = folder(tmp_path, **changed)
    with pytest.raises(SpecError) as caught:
        refuse_no_model(made, "steps.sft.model_name_or_path")
    assert str(caught.value).startswith(f"steps.sft.model_name_or_path: '{made}' has ")
    assert told in str(caught.value)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    with pytest.raises(SpecError, match=r"is a file, and a model is a folder\. Name the folder"):
        refuse_no_model(tmp_path / "model.gguf", "steps.exam.base_model")


def test_whether_a_path_is_there_is_for_others_to_say(tmp_path: Path) -> None:
    refuse_no_model(tmp_path / "nowhere", "steps.sft.model_name_or_path")
