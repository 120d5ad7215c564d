"""Models of the hub, fetched by another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import DataError
from orchestrator.local.hub import fetch_model, hub_name, store_model
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def program(folder: Path, text: str) -> str:
    """Return the path of a program that stands in for Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_model_of_which_only_a_part_was_stored_is_fetched_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "s3")
    store.put_bytes("s3://b/hub/m/config.json", b"left by a killed fmo")
    fetched = []

    def fetch(model_id: str, revision: str, folder: Path) -> None:
        fetched.append(f"{model_id}@{revision}")
        (folder / "config.json").write_text("{}")
        (folder / "weights.bin").write_text("weights")

    for _ in range(2):
        store_model("s3://b/hub/m/", "acme/small", "v1", store, fetch)
    assert fetched == ["acme/small@v1"]
    assert sorted(store.tree("s3://b/hub/m/")) == ["config.json", "weights.bin"]
    assert store.get("s3://b/hub/m/config.json") == b"{}"


def test_the_id_comes_last_and_can_never_be_an_option(tmp_path: Path) -> None:
    python = program(tmp_path, f'shift; printf "%s\\n" "$@" > {tmp_path}/given')
    fetch_model("acme/small", "v1", tmp_path / "model", python=python)
    given = (tmp_path / "given").read_text().splitlines()
    assert given == ["--revision=v1", f"--output={tmp_path / 'model'}", "--", "acme/small"]


def test_the_last_line_of_the_script_is_the_error(tmp_path: Path) -> None:
    python = program(tmp_path, "echo loading >&2; echo 'no such model. Check the id.' >&2; exit 1")
    with pytest.raises(DataError) as caught:
        fetch_model("acme/none", "main", tmp_path, python=python)
    assert str(caught.value) == "hf://acme/none@main: no such model. Check the id."


def test_a_script_that_dies_silently_is_told_by_its_status(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="exit status 3"):
        fetch_model("acme/none", "main", tmp_path, python=program(tmp_path, "exit 3"))


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("s3://fmo-local/fmo/hub/acme/small/main/", "hf://acme/small"),
        ("s3://fmo-local/fmo/hub/gpt2/v1", "hf://gpt2@v1"),
        ("s3://fmo-local/fmo/executions/x/model/", None),
    ],
)
def test_a_mirrored_model_is_called_what_the_hub_calls_it(uri: str, name: str | None) -> None:
    assert hub_name(uri) == name
