"""The same spec gives the same bytes; a changed script changes the steps that run it, no others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """
steps:
  clean:
    kind: processing
    script: ./clean.py
    inputs: {b: ./rows, a: ./rows}
    outputs: {y: csv, x: csv}
  split: {kind: dataset, data: $clean.x}
  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
  exam: {kind: evaluate, model: $sft.model, data: $split.test, gates: {max: {b: 1, a: 2}}}
  publish: {kind: register, model: $exam.model, model_package_group_name: support}
"""
PROGRAM = """
import hashlib, sys
from pathlib import Path
from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.sources import gather_sources
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec
folder, library = Path(sys.argv[1]), Path(sys.argv[2])
plan, _ = build_plan(load_spec((folder / "spec.yaml").read_text()))
compiled = compile_plan(plan, LOCAL, gather_sources(plan, folder, LOCAL, library=library))
print(hashlib.sha256(compiled.json).hexdigest())
"""


def compiled_elsewhere(folder: Path, library: Path, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(library)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_bytes_depend_on_neither_the_hash_seed_nor_the_folder(
    project: Any, tmp_path: Path
) -> None:
    (project.folder / "spec.yaml").write_text("name: demo\n" + SPEC)
    other = tmp_path / "another place"
    shutil.copytree(project.folder, other / "spec")
    shutil.copytree(project.scripts, other / "library")
    found = {
        compiled_elsewhere(project.folder, project.scripts, "0"),
        compiled_elsewhere(project.folder, project.scripts, "12345"),
        compiled_elsewhere(other / "spec", other / "library", "7"),
    }
    assert len(found) == 1


def test_the_order_of_keys_in_the_spec_does_not_change_a_step(project: Any, steps_of: Any) -> None:
    swapped = SPEC.replace("{b: ./rows, a: ./rows}", "{a: ./rows, b: ./rows}")
    swapped = swapped.replace("{y: csv, x: csv}", "{x: csv, y: csv}")
    assert steps_of(project.compile(SPEC))["clean"] == steps_of(project.compile(swapped))["clean"]


def code_uris(compiled: Any, arguments_of: Any) -> dict[str, str]:
    found = {}
    for step in ("clean", "split", "sft", "exam"):
        arguments = arguments_of(compiled, step)
        if "ProcessingInputs" in arguments:
            found[step] = arguments["ProcessingInputs"][0]["S3Input"]["S3Uri"]
        else:
            found[step] = arguments["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    return found


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("library/evaluate.py", {"exam"}),
        ("library/sft.py", {"sft"}),
        ("library/pretrain.py", set()),
        ("library/unused.py", set()),
        ("library/data/tokens.py", {"sft"}),
        ("library/data/rows.py", {"split", "exam"}),
        ("library/launch.py", {"clean", "split", "sft", "exam"}),
        ("spec/clean.py", {"clean"}),
        ("spec/rows/a.jsonl", set()),
    ],
)
def test_an_edit_changes_the_code_of_the_steps_that_run_it(
    project: Any, arguments_of: Any, tmp_path: Path, edited: str, changed: set[str]
) -> None:
    before = code_uris(project.compile(SPEC), arguments_of)
    with (tmp_path / edited).open("a") as file:
        file.write("# edited\n")
    after = code_uris(project.compile(SPEC), arguments_of)
    assert {step for step in before if before[step] != after[step]} == changed


def test_edited_data_change_the_asset_and_nothing_else(project: Any) -> None:
    before = project.compile(SPEC)
    (project.folder / "rows" / "a.jsonl").write_text("[]")
    after = project.compile(SPEC)
    old, new = ({asset.uri for asset in compiled.assets} for compiled in (before, after))
    assert len(old - new) == len(new - old) == 1
    (gone,), (come,) = old - new, new - old
    assert before.json.decode().replace(gone, come) == after.json.decode()


def test_a_setting_changes_the_code_of_its_step_alone(project: Any, arguments_of: Any) -> None:
    before = code_uris(project.compile(SPEC), arguments_of)
    edited = SPEC.replace("data: $split}", "data: $split, lora_r: 8, method: lora}")
    after = code_uris(project.compile(edited), arguments_of)
    assert {step for step in before if before[step] != after[step]} == {"sft"}


def test_steps_that_run_the_same_share_nothing_but_their_files(project: Any, prod: Any) -> None:
    one = project.compile(SPEC, prod)
    two = project.compile(SPEC, replace(prod, bucket="other"))
    assert [a.uri.rpartition("fmo/")[2] for a in one.assets] == [
        a.uri.rpartition("fmo/")[2] for a in two.assets
    ]
