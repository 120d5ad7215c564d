"""A script in the style of SageMaker's own examples, run unchanged: that of the page of `train`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.local.process import can_show_as_opt_ml

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Ended, Fmo

PAGE = (Path(__file__).parents[3] / "docs/steps/train.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Your own script") :]
SPEC, SCRIPT = re.findall(r"```(?:yaml|python)\n(.*?)```", SECTION, re.DOTALL)[:2]
ROWS = "rooms,garden,price\n1,0,2\n0,1,3\n1,1,5\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.train,
    # The script hard-codes /opt/ml/checkpoints, as most do.
    pytest.mark.skipif(not can_show_as_opt_ml(), reason="no private mount namespace"),
]


def write(fmo: Fmo, spec: str = SPEC, script: str = SCRIPT) -> None:
    (fmo.folder / "own.yaml").write_text(spec, encoding="utf-8")
    (fmo.folder / "train.py").write_text(script, encoding="utf-8")
    (fmo.folder / "houses").mkdir(exist_ok=True)
    (fmo.folder / "houses/houses.csv").write_text(ROWS, encoding="utf-8")


def step(ended: Ended, name: str = "fit") -> Any:
    return next(step for step in ended.document["steps"] if step["name"] == name)


def log(ended: Ended) -> str:
    return Path(step(ended)["log"]).read_text(encoding="utf-8")


def test_the_example_of_the_page_trains_and_opens_its_gate(fmo: Fmo) -> None:
    write(fmo)
    ended = fmo("run", "own.yaml", "--json")
    assert ended.code == 0, ended.stderr
    assert 0 < step(ended)["metrics"]["loss"] < 0.1
    assert len(step(ended)["history"]) == 20
    assert "fit: step 1, loss 12.67" in ended.stderr
    assert step(ended, "fit-gate")["condition_outcome"] is True
    key = step(ended)["outputs"]["model"].removeprefix("s3://").rstrip("/")
    model = fmo.folder / ".fmo" / "s3" / key
    assert {path.name for path in model.iterdir()} == {
        "metrics.json", "trainer_log.jsonl", "weights.npy",
    }  # fmt: skip
    assert step(fmo("run", "own.yaml", "--json"))["cached"] is True


def test_a_gate_on_what_was_printed_stops_the_execution(fmo: Fmo) -> None:
    write(fmo)
    ended = fmo("run", "own.yaml", "--json", "--param", "Epochs=1")
    assert ended.code == 1
    assert "loss is 12.666667 (must be at most 0.1)" in ended.stderr


def test_a_gate_on_what_was_never_printed_says_so(fmo: Fmo) -> None:
    write(fmo, script=SCRIPT.replace("loss=", "cost="))
    ended = fmo("run", "own.yaml", "--json")
    assert ended.code == 1
    assert "fit.metrics: there is no 'loss' in metrics.json (found: nothing)" in ended.stderr
    assert "metric_definitions.loss: no line of the output matches 'loss=([0-9.]+)'." in log(ended)


def test_a_script_that_fails_once_goes_on_where_it_was_and_new_data_begin_anew(fmo: Fmo) -> None:
    fails = (
        'if epoch == 5 and state["epoch"] == 0:\n'
        '        raise RuntimeError("lost")\n    print(f"epoch'
    )
    write(fmo, script=SCRIPT.replace('print(f"epoch', fails))
    failed = fmo("run", "own.yaml", "--json")
    assert failed.code == 1
    assert step(failed)["failure_reason"] == "train.py: RuntimeError: lost"
    resumed = fmo("resume", "--json")
    assert resumed.code == 0, resumed.stderr
    assert log(resumed).startswith("resuming after epoch 5\nepoch 6: ")
    # What a run that failed has left is not for another one.
    write(fmo, script=SCRIPT.replace('print(f"epoch', fails), spec=SPEC.replace("0.5", "0.4"))
    assert fmo("run", "own.yaml", "--json").code == 1
    (fmo.folder / "houses/houses.csv").write_text(ROWS + "2,1,7\n", encoding="utf-8")
    assert log(fmo("run", "own.yaml", "--json")).startswith("epoch 1: ")


def test_a_script_that_was_stopped_goes_on_where_it_was(fmo: Fmo) -> None:
    slow = 'import time; time.sleep(0.2 if epoch > 3 else 0)\n    print(f"epoch'
    write(fmo, script=SCRIPT.replace('print(f"epoch', slow))
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", "own.yaml"],
        cwd=fmo.folder, env=fmo.environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while not reached(fmo, epoch=4):
        assert process.poll() is None, "it ended before it was stopped"
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    resumed = fmo("resume", "--json")
    assert resumed.code == 0, resumed.stderr
    assert re.match(r"resuming after epoch ([4-9]|1\d)\n", log(resumed))


def reached(fmo: Fmo, *, epoch: int) -> bool:
    for path in (fmo.folder / ".fmo" / "checkpoints").glob("**/state.json"):
        text = path.read_text()
        if text and json.loads(text)["epoch"] >= epoch:
            return True
    return False


def test_a_fault_is_followed_by_another_attempt_that_goes_on(fmo: Fmo) -> None:
    fault = (
        'if epoch == 5 and state["epoch"] == 0:\n'
        '        Path("/opt/ml/output/failure").write_text("InternalServerError: lost")\n'
        '        raise SystemExit(1)\n    print(f"epoch'
    )
    write(fmo, script=SCRIPT.replace('print(f"epoch', fault))
    compiled = fmo("compile", "own.yaml").stdout
    # The wait of a minute before it is the only thing that the definition loses.
    (fmo.folder / "quick.json").write_text(re.sub(r'("IntervalSeconds"): \d+', r"\1: 1", compiled))
    fmo("run", "own.yaml", "--json", "--param", "Epochs=0")  # Puts code and data into the store.
    ended = fmo("run", "quick.json", "--json")
    assert ended.code == 0, ended.stderr
    assert step(ended)["attempts"] == 2
    assert log(ended).startswith("resuming after epoch 5\n")


def test_a_folder_with_requirements_travels_whole(fmo: Fmo) -> None:
    write(fmo)
    job = fmo.folder / "job"
    (job / "deep").mkdir(parents=True)
    (job / "deep/shape.json").write_text('{"width": 3}')
    (job / "run.py").write_text(
        "import json, pathlib, numpy\n"
        "shape = json.loads(pathlib.Path('deep/shape.json').read_text())\n"
        "print('width', shape['width'], numpy.__version__)\n"
    )
    (fmo.folder / "pins.txt").write_text(f"numpy=={version('numpy')}\n")
    (fmo.folder / "own.yaml").write_text(
        "name: own\nsteps:\n  fit: {kind: train, script: ./job/run.py, source_dir: ./job, "
        "requirements: ./pins.txt}\n"
    )
    ended = fmo("run", "own.yaml", "--json")
    assert ended.code == 0, ended.stderr
    assert log(ended) == f"width 3 {version('numpy')}\n"


def test_a_processing_script_is_gated_on_what_it_prints(fmo: Fmo) -> None:
    (fmo.folder / "clean.py").write_text("print('kept 7 rows')\n")
    (fmo.folder / "own.yaml").write_text(
        "name: own\nsteps:\n  clean:\n    kind: processing\n    script: ./clean.py\n"
        "    outputs: {metrics: json}\n    metric_definitions: {rows: 'kept ([0-9]+) rows'}\n"
        "    gates: {min: {rows: 8}}\n"
    )
    ended = fmo("run", "own.yaml", "--json")
    assert ended.code == 1
    assert step(ended, "clean")["metrics"] == {"rows": 7}
    assert "rows is 7.0 (must be at least 8)" in ended.stderr
