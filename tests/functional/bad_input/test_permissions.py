"""Files and folders that this user may not read or write: one line that names the path each.

Root may do everything, so that as root the commands run as another user.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli.conftest import EXAMPLE, Ended, Fmo

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Restricted(Fmo):
    """`fmo` as a user who is not root, in a folder that everybody may enter."""

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=self.folder,
            env=self.environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", **environment),
            capture_output=True,
            check=False,
            timeout=120,
            **identity(),
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def identity() -> dict[str, int | list[int]]:
    """Return how a process starts as somebody else; nothing if this is no root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


@pytest.fixture
def fmo() -> Iterator[Restricted]:
    # pytest's own folders are closed to others.
    folder = Path(tempfile.mkdtemp(prefix="fmo-permissions-"))
    try:
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        made = Restricted(folder)
        if made("--version").code:
            pytest.skip("another user may not read this checkout")
        yield made
    finally:
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture
def closed(fmo: Restricted) -> Iterator[Path]:
    """A folder that may be read, but not written."""
    folder = fmo.folder / "closed"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def is_told(done: Ended, line: str) -> None:
    """Check that `done` is a refusal in exactly this line."""
    assert (done.code, done.stdout, done.stderr) == (2, "", f"{line}\n")


HOME_CURE = "Let FMO_HOME or --home name a folder of yours."


@pytest.mark.parametrize("command", [("run", "spec.yaml"), ("resume",), ("runs",), ("models",)])
def test_a_home_that_may_not_be_written(
    fmo: Restricted, closed: Path, command: tuple[str, ...]
) -> None:
    told = f"FMO300 {closed}: this user may not read and write it. {HOME_CURE}"
    is_told(fmo(*command, FMO_HOME=str(closed)), told)
    is_told(fmo(*command, "--home", "closed"), told)
    assert list(closed.iterdir()) == []


def test_a_home_that_may_not_be_made(fmo: Restricted, closed: Path) -> None:
    done = fmo("run", "spec.yaml", "--home", "closed/home")
    is_told(done, f"FMO300 {closed}/home: permission denied. {HOME_CURE}")


def test_a_home_behind_a_folder_that_may_not_be_entered(fmo: Restricted, closed: Path) -> None:
    closed.chmod(0)
    for command in (("run", "spec.yaml"), ("runs",)):
        done = fmo(*command, "--home", "closed/home")
        is_told(done, f"FMO300 {closed}/home: permission denied. {HOME_CURE}")


@pytest.mark.parametrize(
    "command",
    [
        ("init", "sft", "--data", "tickets.jsonl", "--model", "acme/small", "-o", "closed/x"),
        ("compile", "spec.yaml", "-o", "closed/x"),
        ("report", "--output", "closed/x"),
    ],
    ids=lambda command: command[0],
)
def test_a_folder_that_takes_no_new_file(
    fmo: Restricted, closed: Path, command: tuple[str, ...]
) -> None:
    assert fmo("run", "spec.yaml").code == 0
    told = "the folder 'closed' may not be written by this user. Name a file in a folder of yours."
    is_told(fmo(*command), f"FMO100 closed/x: {told}")
    assert list(closed.iterdir()) == []


def test_another_format_that_may_not_be_written(fmo: Restricted, closed: Path) -> None:
    done = fmo("data", "check", "tickets.jsonl", "--fix", "closed/x.jsonl")
    cure = "Name a file in a folder of yours."
    is_told(done, f"FMO130 closed/x.jsonl: it cannot be written (permission denied). {cure}")
    assert list(closed.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("data", "check", "tickets.jsonl"),
        ("init", "sft", "--data", "tickets.jsonl", "--model", "acme/small", "-o", "mine.yaml"),
    ],
    ids=lambda command: command[0],
)
def test_rows_that_may_not_be_read(fmo: Restricted, command: tuple[str, ...]) -> None:
    (fmo.folder / "tickets.jsonl").chmod(0)
    is_told(fmo(*command), "FMO130 tickets.jsonl: permission denied. Check who may read it.")
    assert not (fmo.folder / "mine.yaml").exists()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("count.py", "7: steps.count.script"),
        ("words/words.txt", "8: steps.count.inputs.words"),
        ("words", "8: steps.count.inputs.words"),
    ],
)
def test_what_a_step_reads_and_may_not_be_read(fmo: Restricted, name: str, field: str) -> None:
    (fmo.folder / name).chmod(0)
    done = fmo("run", "spec.yaml")
    is_told(
        done,
        f"FMO110 spec.yaml:{field}: '{name}' cannot be read: permission denied. "
        "Check who may read it.",
    )
    assert not (fmo.folder / ".fmo").exists()


@pytest.mark.parametrize("name", ["spec.yaml", "fmo.yaml"])
def test_a_spec_that_may_not_be_read(fmo: Restricted, name: str) -> None:
    (fmo.folder / name).chmod(0)
    done = fmo("validate", "spec.yaml", "--json")
    assert done.code == 2
    assert done.document["error"]["code"] == "FMO110"
    (line,) = done.stderr.splitlines()
    assert line == f"FMO110 {name}: it cannot be read: permission denied. Check who may read it."


def test_prompts_that_may_not_be_read(fmo: Restricted) -> None:
    (fmo.folder / "prompts.txt").write_text("Why?\n")
    (fmo.folder / "prompts.txt").chmod(0)
    if os.geteuid() == 0:
        os.chown(fmo.folder / "prompts.txt", 0, 0)
    done = fmo("chat", ".", "--prompts", "prompts.txt")
    is_told(
        done, "FMO130 prompts.txt: it cannot be read: permission denied. Check who may read it."
    )


def test_a_home_that_was_closed_later_loses_no_run(fmo: Restricted) -> None:
    assert fmo("run", "spec.yaml").code == 0
    home = fmo.folder / ".fmo"
    home.chmod(0o500)
    told = f"FMO300 {home}: this user may not read and write it. {HOME_CURE}"
    is_told(fmo("run", "spec.yaml"), told)
    home.chmod(0o700)
    listed = json.loads(fmo("runs", "--json").stdout)
    assert [run["status"] for run in listed] == ["Succeeded"]
