"""`kill -9` at any moment, then resume: the same artifacts, and nothing finished runs twice."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.definition.conditions import Comparison
from orchestrator.definition.expressions import Get, Join, JsonGetS3
from orchestrator.definition.model import Definition, Step, definition_bytes
from orchestrator.errors import StoreBusyError
from orchestrator.local.history import list_executions, load_result
from orchestrator.local.home import Home
from orchestrator.local.run import resume_execution, run_definition
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DRIVER = """
import sys
from pathlib import Path
from orchestrator.local.home import Home
from orchestrator.local.run import run_definition
home = Home(Path(sys.argv[1]))
print("ready", flush=True)
result = run_definition(Path(sys.argv[2]).read_bytes(), home, execution_id="victim")
print(result.status, flush=True)
"""
NOTE = "open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')\n"
PREPARE = (
    NOTE
    + """
import time
for number in range(8):
    (ml / f'processing/output/data/{number}.txt').write_text(str(number * 7))
    time.sleep(0.01)
"""
)
TRAIN = """
import json, time
kept = ml / 'checkpoints/state.json'
state = json.loads(kept.read_text()) if kept.exists() else {'step': 0, 'loss': 100.0}
print(f"resumed from {state['step']}", flush=True)
rows = [int(path.read_text()) for path in sorted((ml / 'input/data/data').glob('*.txt'))]
assert len(rows) == 8, rows
while state['step'] < 12:
    state = {'step': state['step'] + 1, 'loss': state['loss'] * 0.9 + sum(rows) / 1000}
    partial = kept.with_suffix('.partial')
    partial.write_text(json.dumps(state))
    partial.replace(kept)
    time.sleep(0.02)
(ml / 'model/weights.bin').write_bytes(str(state['loss']).encode() * 1000)
(ml / 'model/metrics.json').write_text(json.dumps({'train/loss': state['loss']}))
"""
KILLS = 20


@pytest.fixture
def definition(
    lab: Any, read_output: Callable[[str, str], Any], tmp_path: Path
) -> Callable[[], bytes]:
    """Return a pipeline of seven steps whose jobs note each of their starts."""

    def build() -> bytes:
        notes = str(tmp_path / "notes")

        def arguments(name: str) -> list[str]:
            return [notes, name]

        model = Get("Steps.train.ModelArtifacts.S3ModelArtifacts")
        loss = JsonGetS3(Join("", [model, "metrics.json"]), "['train/loss']")
        copy = NOTE + (
            "text = (ml / 'processing/input/model/weights.bin').read_text()\n"
            "(ml / 'processing/output/copy/w.txt').write_text(text)\n"
        )
        steps = (
            lab.processing("prepare", PREPARE, outputs=["data"], arguments=arguments("prepare")),
            lab.processing("beside", PREPARE, outputs=["data"], arguments=arguments("beside")),
            lab.training(
                "train",
                TRAIN,
                inputs={"data": read_output("prepare", "data")},
                checkpoints="s3://lab/checkpoints/train",
            ),
            Step(
                "gate",
                "Condition",
                conditions=(Comparison("LessThan", loss, 90.0),),
                if_steps=(
                    lab.processing(
                        "copy",
                        copy,
                        inputs={"model": model},
                        outputs=["copy"],
                        arguments=arguments("copy"),
                    ),
                    Step(
                        "publish",
                        "RegisterModel",
                        {"ModelPackageGroupName": "g", "Uri": read_output("copy", "copy")},
                    ),
                ),
                else_steps=(Step("no", "Fail", {"ErrorMessage": "too high"}),),
            ),
        )
        return definition_bytes(Definition(steps=steps))

    return build


@pytest.mark.slow
def test_a_run_killed_at_twenty_moments_ends_as_if_it_had_not_been(
    definition: Callable[[], bytes], tmp_path: Path
) -> None:
    data = definition()
    (tmp_path / "definition.json").write_bytes(data)
    calm = Home(tmp_path / "calm")
    started = time.monotonic()
    assert run_definition(data, calm, execution_id="victim").status == "Succeeded"
    seconds = time.monotonic() - started
    # Seeded, so that a failure can be repeated; the moments spread over the whole run.
    moments = random.Random(20).sample(range(1000), KILLS)  # noqa: S311 - moments, not secrets
    resumed_from = []
    for number, moment in enumerate(sorted(moments)):
        home = Home(tmp_path / f"home-{number}")
        (tmp_path / "notes").unlink(missing_ok=True)
        kill_after(home, tmp_path / "definition.json", seconds * moment / 1000)
        resumed_from += check_resumed(home, calm, data, tmp_path / "notes")
    assert any(step > 0 for step in resumed_from), "no training went on from a checkpoint"


def check_resumed(home: Home, calm: Home, data: bytes, notes: Path) -> list[int]:
    """Resume, compare with the calm run, and return the steps at which training went on."""
    if not any(one.execution_id == "victim" for one in list_executions(home)):
        result = run_definition(data, home, execution_id="victim")
    else:
        steps = load_result(home, "victim").steps
        finished = {step.name for step in steps if step.status == "Succeeded"}
        before = starts(notes)
        result = resume_execution("victim", home)
        again = {name for name in finished if starts(notes)[name] != before[name]}
        assert not again, f"ran twice: {again}"
    assert result.status == "Succeeded", result.failure_reason
    assert objects(home) == objects(calm)
    expected = load_result(calm, "victim")
    assert [s.metrics for s in result.steps] == [s.metrics for s in expected.steps]
    left_over = [path for path in (home.store / ".partial").rglob("*") if path.is_file()]
    assert not left_over
    logs = home.execution("victim").glob("train/*/stdout.log")
    return [int(n) for log in logs for n in re.findall(r"resumed from (\d+)", log.read_text())]


def kill_after(home: Home, definition: Path, seconds: float) -> None:
    """Start a run in a process of its own and kill that process after `seconds`."""
    command = [sys.executable, "-c", DRIVER, str(home.root), str(definition)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)


def starts(notes: Path) -> Counter[str]:
    """Return how often each job started."""
    return Counter(notes.read_text().split()) if notes.exists() else Counter()


def objects(home: Home) -> dict[str, bytes]:
    """Return every object of the store."""
    return {item.uri: item.path.read_bytes() for item in Store(home.store).list("s3://lab/")}


def test_a_killed_run_leaves_no_child_behind(lab: Any, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    code = """
        import subprocess, time
        child = subprocess.Popen(['sleep', '60'], start_new_session=True)
        partial = pathlib.Path(sys.argv[1] + '.partial')
        partial.write_text(f'{os.getppid()} {child.pid}')
        partial.replace(sys.argv[1])
        time.sleep(60)
    """
    step = lab.processing("a", code, arguments=[str(noted)])
    path = tmp_path / "one.json"
    path.write_bytes(definition_bytes(Definition(steps=(step,))))
    command = [sys.executable, "-c", DRIVER, str(lab.home.root), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while not noted.exists():
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    supervisor, child = (int(number) for number in noted.read_text().split())
    assert is_gone(child)
    assert is_gone(supervisor)
    (seen,) = list_executions(lab.home)
    assert (seen.status, seen.step("a").status) == ("Stopped", "Stopped")
    assert "`fmo resume` goes on" in str(seen.failure_reason)


def test_ctrl_c_stops_the_run_and_leaves_no_child_behind(lab: Any, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    code = """
        import time
        partial = pathlib.Path(sys.argv[1] + '.partial')
        partial.write_text(str(os.getpid()))
        partial.replace(sys.argv[1])
        time.sleep(60)
    """
    step = lab.processing("a", code, arguments=[str(noted)])
    path = tmp_path / "one.json"
    path.write_bytes(definition_bytes(Definition(steps=(step,))))
    command = [sys.executable, "-c", DRIVER, str(lab.home.root), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while not noted.exists():
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        assert process.communicate(timeout=30)[0] == b"ready\nStopped\n"
    assert is_gone(int(noted.read_text()))
    assert load_result(lab.home, "victim").step("a").status == "Stopped"


def test_an_execution_that_still_runs_elsewhere_cannot_be_resumed(lab: Any) -> None:
    result = lab.run(lab.processing("a", "sys.exit(1)"))
    with (lab.home.execution(result.execution_id) / ".lock").open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreBusyError, match="another process is running it"):
            resume_execution(result.execution_id, lab.home, clock=ImpatientClock())


def test_two_runs_at_once_in_one_store_do_not_disturb_each_other(
    definition: Callable[[], bytes], lab: Any, tmp_path: Path
) -> None:
    (tmp_path / "definition.json").write_bytes(definition())
    program = DRIVER.replace('execution_id="victim"', "execution_id=sys.argv[3]")
    command = [sys.executable, "-c", program, str(lab.home.root), str(tmp_path / "definition.json")]
    runs = [subprocess.Popen([*command, name], stdout=subprocess.PIPE) for name in ("one", "two")]
    assert [run.communicate(timeout=60)[0] for run in runs] == [b"ready\nSucceeded\n"] * 2
    one, two = (load_result(lab.home, name) for name in ("one", "two"))
    assert one.step("train").metrics == two.step("train").metrics
    packages = {r.step("publish").outputs["model_package_arn"] for r in (one, two)}
    assert len(packages) == 2


class ImpatientClock:
    """Does not wait."""

    def now(self) -> Any:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def wait(self, stop: Any, seconds: float) -> bool:
        return bool(stop.is_set()) or seconds < 0


def is_gone(process: int) -> bool:
    """Return whether the process ends within some seconds."""
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False
