"""Every bad input that a user can hand to `fmo run`, seen from outside.

What is wrong in a spec starts nothing and leaves nothing behind (exit code 2). What is wrong in
data is found by the first job that reads them (exit code 1), which names file and line; the
execution can be resumed. Bad surroundings (full disks, killed and hanging jobs, newer journals)
are in `tests/functional/local`.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
name: bad
steps:
  split: {kind: dataset, data: ./rows.jsonl}
  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
"""

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)

WRONG_SPECS = {
    "an unknown key": (
        SPEC.replace("objective: sft", "objective: sft, learning_rte: 1e-4"),
        ["spec.yaml:4", "steps.sft.learning_rte", "Did you mean 'learning_rate'?"],
    ),
    "a wrong type": (
        SPEC.replace("objective: sft", "objective: sft, lora_r: many"),
        ["spec.yaml:4", "steps.sft.lora_r", "'many'"],
    ),
    "a step that does not exist": (
        SPEC.replace("data: $split", "data: $slpit"),
        ["steps.sft.data: there is no step 'slpit'. Did you mean 'split'?"],
    ),
    "an output that does not exist": (
        SPEC.replace("data: $split", "data: $split.dta"),
        ["steps.sft.data", "'dta'", "data"],
    ),
    "a cycle": (
        SPEC.replace("./rows.jsonl}", "./rows.jsonl, after: [sft]}"),
        ["spec.yaml:3", "the steps wait for each other: split -> sft -> split"],
    ),
    "text that is not YAML": ("name: bad\nsteps: {split: [\n", ["spec.yaml:"]),
    "an empty file": ("", ["spec.yaml", "empty"]),
    "duplicate keys": (
        SPEC + "name: worse\n",
        ["spec.yaml:1: name: the key is written twice, on line 1 and on line 5"],
    ),
    "anchors that explode": (BOMB, ["spec.yaml", "alias"]),
    "two mistakes at once": (
        SPEC.replace("objective: sft", "objective: stf, lr: fast"),
        ["'stf'", "'fast'"],
    ),
}


@pytest.mark.parametrize("what", WRONG_SPECS)
def test_a_wrong_spec_is_explained_and_starts_nothing(tmp_path: Path, what: str) -> None:
    text, fragments = WRONG_SPECS[what]
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (tmp_path / "spec.yaml").write_text(text)
    code, _, said = fmo(tmp_path, "run", "spec.yaml")
    assert code == 2, said
    assert "Traceback" not in said
    for fragment in fragments:
        assert fragment in said
    assert not (tmp_path / ".fmo").exists()


def test_a_spec_of_fifty_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "spec.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    code, _, said = fmo(tmp_path, "validate", "spec.yaml")
    assert code == 2
    assert "50" in said or "52" in said
    assert "MB" in said


def test_a_missing_data_file_is_named_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    code, _, said = fmo(tmp_path, "run", "spec.yaml")
    assert code == 2
    assert "rows.jsonl" in said
    assert not (tmp_path / ".fmo").exists()


def rows(count: int) -> bytes:
    lines = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(count)]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def in_the_middle(line: bytes) -> bytes:
    """Return 2,000 good rows with `line` as the 1,001st."""
    lines = rows(2000).splitlines(keepends=True)
    return b"".join([*lines[:1000], line + b"\n", *lines[1000:]])


WRONG_DATA = {
    "an empty file": ("rows.jsonl", b"", ["rows.jsonl", "empty"]),
    "a truncated archive": ("rows.jsonl.gz", gzip.compress(rows(500))[:-20], ["rows.jsonl.gz"]),
    "bytes that are not UTF-8": (
        "rows.jsonl",
        in_the_middle(b'{"prompt": "caf\xe9", "completion": "x"}'),
        ["rows.jsonl:1001", "UTF-8"],
    ),
    "a row that is not JSON": (
        "rows.jsonl",
        in_the_middle(b'{"prompt": "a", "completion": '),
        ["rows.jsonl:1001"],
    ),
    "mixed formats": (
        "rows.jsonl",
        in_the_middle(b'{"messages": [{"role": "user", "content": "hi"}]}'),
        ["rows.jsonl:1001", "messages"],
    ),
    "a split that would be empty": ("rows.jsonl", rows(1), ["split.validation: none of the"]),
}
DATA_SPEC = "name: bad\nsteps:\n  split: {kind: dataset, data: ./DATA}\n"


@pytest.mark.parametrize("what", WRONG_DATA)
def test_wrong_data_are_named_with_their_line_and_nothing_is_lost(
    tmp_path: Path, what: str
) -> None:
    name, content, fragments = WRONG_DATA[what]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "spec.yaml").write_text(DATA_SPEC.replace("DATA", name))
    code, _, said = fmo(tmp_path, "run", "spec.yaml")
    assert code == 1, said
    assert "Traceback" not in said
    for fragment in fragments:
        assert fragment in said
    assert (tmp_path / name).read_bytes() == content
    code, listed, _ = fmo(tmp_path, "runs", "--json")
    assert code == 0
    assert [run["status"] for run in json.loads(listed)] == ["Failed"]


def fmo(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `fmo` in a folder; return its exit code, stdout and stderr (of 200 columns)."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr
