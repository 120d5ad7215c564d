"""Ctrl-C at any moment, as a terminal sends it: one line, no traceback, nothing left half-done."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.fake_hub import serving
from tests.functional.cli.test_chat import make_model
from tests.terminal import Terminal, processes_naming, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.functional.cli.conftest import Fmo

AGAIN = "interrupted; to go on, type the same command again"
INTERRUPTED = 130
SLEEPER = """\
import sys, time
print("progress step=1/100", flush=True)
time.sleep(600)
"""
ONE = "name: one\nsteps: {look: {kind: processing, script: ./count.py, inputs: {words: ./big}}}\n"
MOMENTS = (0, 0.03, 0.06, 0.1, 0.2, 0.4)


def start(fmo: Fmo, *arguments: str, **environment: str) -> AbstractContextManager[Terminal]:
    scratch = fmo.folder / "scratch"
    scratch.mkdir(exist_ok=True)
    environ = fmo.environment(COLUMNS="120", TERM="xterm", TMPDIR=str(scratch), **environment)
    return terminal(fmo.folder, environ, *arguments)


def is_trial(path: Path) -> bool:
    """Whether Python was just trying if a folder can be written (tempfile, `blat`)."""
    return path.is_file() and path.read_bytes() in {b"", b"blat"}


def is_clean(fmo: Fmo, shown: Terminal) -> None:
    """Check what must hold whenever a command was interrupted."""
    assert "Traceback" not in shown.shown, shown.shown
    assert '  File "' not in shown.shown, shown.shown
    assert "KeyboardInterrupt" not in shown.shown, shown.shown
    assert processes_naming(str(fmo.folder)) == []
    assert [path for path in (fmo.folder / "scratch").iterdir() if not is_trial(path)] == []
    partial = [path for path in fmo.folder.rglob("*") if "partial" in path.name and path.is_file()]
    assert partial == []


@pytest.fixture
def big(fmo: Fmo) -> Fmo:
    """Three gigabytes of local data that take no space, and a spec that reads them."""
    (fmo.folder / "big").mkdir()
    with (fmo.folder / "big" / "zeros.bin").open("wb") as file:
        file.truncate(3 * 2**30)
    (fmo.folder / "one.yaml").write_text(ONE)
    return fmo


@pytest.mark.parametrize("command", ["validate", "run"])
def test_while_large_data_are_hashed(big: Fmo, command: str) -> None:
    with start(big, command, "one.yaml") as shown:
        time.sleep(1)
        assert shown.interrupt() == INTERRUPTED
    assert shown.lines() == [AGAIN]
    assert not (big.folder / ".fmo").exists()
    is_clean(big, shown)


def test_while_a_job_runs(fmo: Fmo) -> None:
    (fmo.folder / "count.py").write_text(SLEEPER)
    with start(fmo, "run", "spec.yaml") as shown:
        shown.wait_for("1/100")
        assert shown.interrupt() == 1
    is_clean(fmo, shown)
    *_, code, advice = shown.lines()
    assert code == "FMO230 it was stopped; finished steps are kept"
    assert re.fullmatch(r"go on with: fmo resume \w+", advice)
    assert [run["status"] for run in fmo("runs", "--json").document] == ["Stopped"]
    assert (fmo.folder / ".fmo/executions" / advice.split()[-1] / "report.html").is_file()


def test_during_resume(fmo: Fmo) -> None:
    failing = "import os, sys\nif not os.path.exists('GO'): sys.exit('not yet')\n"
    go = fmo.folder / "go"
    (fmo.folder / "count.py").write_text(failing.replace("GO", str(go)) + SLEEPER)
    assert fmo("run", "spec.yaml").code == 1
    go.touch()
    with start(fmo, "resume") as shown:
        shown.wait_for("1/100")
        assert shown.interrupt() == 1
    is_clean(fmo, shown)
    assert shown.lines()[-1].startswith("go on with: fmo resume ")
    assert [run["status"] for run in fmo("runs", "--json").document] == ["Stopped"]


def blocked_report(fmo: Fmo) -> Path:
    """Put a pipe that nobody reads in the place of the report of the execution that runs."""
    (folder,) = (fmo.folder / ".fmo" / "executions").iterdir()
    os.mkfifo(folder / "report.html")
    return folder


def test_while_the_report_of_a_run_is_written(fmo: Fmo) -> None:
    wait = f"import os, time\nwhile not os.path.exists('{fmo.folder}/go'): time.sleep(0.05)\n"
    script = fmo.folder / "count.py"
    script.write_text(script.read_text() + wait)
    with start(fmo, "run", "spec.yaml") as shown:
        shown.wait_for(lambda: any((fmo.folder / ".fmo/executions").glob("*/count")))
        folder = blocked_report(fmo)
        (fmo.folder / "go").touch()
        shown.wait_for("Steps")
        time.sleep(0.3)
        assert shown.interrupt() == INTERRUPTED
    told = "interrupted; the execution had succeeded before. See: fmo report"
    assert shown.lines()[-1] == f"{told} {folder.name}"
    is_clean(fmo, shown)
    (folder / "report.html").unlink()
    assert fmo("report", folder.name).code == 0
    assert fmo("runs", "--json").document[0]["status"] == "Succeeded"


def test_while_a_report_is_written(fmo: Fmo) -> None:
    assert fmo("run", "spec.yaml").code == 0
    os.mkfifo(fmo.folder / "pipe.html")
    with start(fmo, "report", "--output", "pipe.html") as shown:
        time.sleep(1)
        assert shown.interrupt() == INTERRUPTED
    assert shown.lines() == [AGAIN]
    is_clean(fmo, shown)


@pytest.fixture
def rows(fmo: Fmo) -> Fmo:
    """Rows whose check takes many seconds."""
    row = json.dumps({"prompt": "Where is my parcel, and why is it late?", "completion": "x " * 60})
    (fmo.folder / "rows.jsonl").write_text(f"{row}\n" * 200_000)
    return fmo


def test_during_a_check_of_much_data(rows: Fmo) -> None:
    arguments = ("data", "check", "rows.jsonl", "--fix", "out.jsonl")
    with start(rows, *arguments) as shown:
        shown.wait_for(lambda: any((rows.folder / "scratch").iterdir()))
        assert shown.interrupt() == INTERRUPTED
    assert shown.lines() == [AGAIN]
    assert not (rows.folder / "out.jsonl").exists()
    is_clean(rows, shown)


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_any_moment_of_a_check(fmo: Fmo, moment: float) -> None:
    with start(fmo, "data", "check", "tickets.jsonl") as shown:
        time.sleep(moment)
        code = shown.interrupt()
    ended_well = code == 0 and "5 rows" in shown.shown
    assert ended_well or is_interrupted(code, shown), (code, shown.shown)
    is_clean(fmo, shown)


@pytest.mark.parametrize("moment", MOMENTS)
def test_in_the_middle_of_init_there_is_a_whole_spec_or_none(fmo: Fmo, moment: float) -> None:
    arguments = ("init", "sft", "--data", "tickets.jsonl", "--model", "acme/small", "-o", "my.yaml")
    with start(fmo, *arguments) as shown:
        time.sleep(moment)
        code = shown.interrupt()
    assert code == 0 or is_interrupted(code, shown), (code, shown.shown)
    is_clean(fmo, shown)
    spec = fmo.folder / "my.yaml"
    if code == 0 or spec.exists():
        assert fmo("validate", "my.yaml").code == 0


def is_interrupted(code: int, shown: Terminal) -> bool:
    """Return whether it ended by Ctrl-C; before all is imported there is nobody to say so."""
    return code == INTERRUPTED and set(shown.lines()) <= {AGAIN}


@pytest.mark.train
def test_while_a_chat_loads_its_model(fmo: Fmo) -> None:
    make_model(fmo.folder / "small", seed=1)
    with start(fmo, "chat", "./small") as shown:
        shown.wait_for("model: ./small")
        assert shown.interrupt() == INTERRUPTED
    assert shown.lines() == ["model: ./small", AGAIN]
    is_clean(fmo, shown)


@pytest.fixture(scope="module")
def slow_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("hub")
    (root / "acme" / "slow").mkdir(parents=True)
    (root / "acme" / "slow" / "config.json").write_text("{}")
    with serving(root) as endpoint:
        yield endpoint


@pytest.mark.train
def test_while_a_model_is_downloaded(fmo: Fmo, slow_hub: str) -> None:
    (fmo.folder / "one.yaml").write_text(ONE.replace("./big", "hf://acme/slow"))
    around = {"HF_ENDPOINT": slow_hub, "HF_HOME": str(fmo.folder / "cache"), "NO_PROXY": "*"}
    with start(fmo, "run", "one.yaml", **around) as shown:
        shown.wait_for("it will be downloaded first")
        shown.wait_for(lambda: any((fmo.folder / ".fmo/s3/.partial/shared").glob("*")))
        time.sleep(1)
        assert shown.interrupt() == INTERRUPTED
    assert shown.lines()[-1] == AGAIN
    assert not any((fmo.folder / ".fmo/s3/.partial/shared").glob("*"))
    is_clean(fmo, shown)
