"""Odd surroundings: no HOME, no colour, narrow or closed terminals, names and paths of any kind."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli.conftest import EXAMPLE

if TYPE_CHECKING:
    from tests.functional.bad_input.conftest import Checked

FMO = f"{shlex.quote(sys.executable)} -m orchestrator"


@pytest.fixture
def example(fmo: Checked) -> Checked:
    shutil.copytree(EXAMPLE, fmo.folder, dirs_exist_ok=True)
    return fmo


def shell(fmo: Checked, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=fmo.folder, env=fmo.environment(PYTHONPATH=os.getcwd()),  # noqa: PTH109
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_run_with_closed_streams_is_a_run(example: Checked, closed: str) -> None:
    done = shell(example, f"{FMO} run spec.yaml {closed}")
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    listed = example("runs", "--json").document
    assert [run["status"] for run in listed] == ["Succeeded"]


def test_an_error_with_closed_streams_keeps_its_exit_code(example: Checked) -> None:
    assert shell(example, f"{FMO} validate nope.yaml >&- 2>&-").returncode == 2


@pytest.mark.parametrize("command", ["schema", "compile spec.yaml", "plan spec.yaml", "--help"])
def test_a_reader_who_wants_one_line_gets_no_traceback(example: Checked, command: str) -> None:
    done = shell(example, f"{FMO} {command} | head -n 1")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_full_device_behind_stdout_is_named(example: Checked) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = shell(example, f"{FMO} schema > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "FMO340 no space left on device. Free some space and try again.\n"


def test_an_empty_environment_is_enough(example: Checked) -> None:
    done = shell(example, f"env -i {FMO.replace(' -m', ' -P -m')} --version")
    if done.returncode:
        pytest.skip("this checkout is found by PYTHONPATH only")
    done = shell(example, f"env -i {FMO} run spec.yaml")
    assert done.returncode == 0, done.stderr
    assert "Succeeded in" in done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"TERM": "dumb", "NO_COLOR": "1"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"COLUMNS": "60"},
        {"COLUMNS": "40"},
    ],
    ids=str,
)
def test_a_poor_terminal_is_enough(example: Checked, variables: dict[str, str]) -> None:
    done = example("run", "spec.yaml", **variables)
    assert done.code == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    (run,) = example("runs", "--json").document
    for command in (("runs",), ("plan", "spec.yaml"), ("data", "check", "tickets.jsonl")):
        shown = example(*command, **variables)
        assert shown.code == 0, shown.stderr
        tables = [line for line in shown.stdout.splitlines() if line.startswith((" ", "|", "+"))]
        assert max(map(len, tables)) <= int(variables.get("COLUMNS", "100"))
    # An id that is broken in two cannot be copied.
    assert run["execution_id"] in example("runs", **variables).stdout


@pytest.mark.parametrize("folder", ["with a blank", "mit Ümläut", "日本", "x" * 200, "a/" * 60])
def test_any_folder_will_do(fmo: Checked, folder: str) -> None:
    place = fmo.folder / folder
    shutil.copytree(EXAMPLE, place)
    (place / "spec.yaml").rename(place / "spéc file.yaml")
    inside = type(fmo)(place)
    assert inside("run", "spéc file.yaml").code == 0
    failed = inside("run", "spéc file.yaml", "--set", "steps.count.arguments.limit=many")
    assert failed.code == 1
    log = failed.stderr.partition("log: ")[2].partition("\n")[0]
    assert "ValueError" in Path(log).read_text()
    assert inside("validate", "spéc file.yaml", "--set", "steps.count.script=./nö.py").code == 2


@pytest.mark.parametrize("command", ["validate", "run", "data check"])
def test_a_name_that_is_not_utf_8_is_refused(fmo: Checked, command: str) -> None:
    name = os.fsdecode(b"caf\xe9.yaml")
    try:
        (fmo.folder / name).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    done = fmo(*command.split(), name)
    assert done.code == 2
    assert done.stderr == (
        r"FMO100 the path 'caf\udce9.yaml' is not UTF-8. Rename it, or set LC_ALL=C.UTF-8 if its "
        "name is right.\n"
    )


def test_a_folder_that_was_deleted_meanwhile_is_named(fmo: Checked) -> None:
    done = shell(fmo, f"mkdir gone && cd gone && rmdir ../gone && {FMO} runs")
    assert done.returncode == 2
    assert done.stderr == (
        "FMO100 the folder that this terminal is in does not exist any more. Go to another one.\n"
    )


def test_two_runs_at_once_share_one_home(example: Checked) -> None:
    done = shell(example, f"{FMO} run spec.yaml & {FMO} run spec.yaml & wait -n && wait -n")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    listed = example("runs", "--json").document
    assert [run["status"] for run in listed] == ["Succeeded", "Succeeded"]


def test_wrong_parameters_are_told_before_anything_is_stored(example: Checked) -> None:
    done = example("run", "spec.yaml", "--param", "Limt=3", "--param", "Limit=many")
    assert done.code == 2
    assert done.stderr.splitlines() == [
        "FMO100 parameters.Limt: there is no such parameter. Did you mean 'Limit'?",
        "FMO100 parameters.Limit: expected a whole number, found 'many'.",
    ]
    assert not (example.folder / ".fmo").exists()
