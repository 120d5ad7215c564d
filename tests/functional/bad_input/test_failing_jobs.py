"""A job that fails: the screen shows the exception's text and the log's path, never a frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.bad_input.conftest import Checked

SPEC = """\
name: one
steps:
  own: {kind: processing, script: ./own.py, outputs: {metrics: json}, gates: {min: {rows: 1}}}
"""
WRITE = """\
import json
from pathlib import Path
Path("/opt/ml/processing/output/metrics/metrics.json").write_text(json.dumps(METRICS))
"""


def run(fmo: Checked, script: str) -> list[str]:
    """Run the script as a step; return the lines that name it at the end."""
    (fmo.folder / "spec.yaml").write_text(SPEC)
    (fmo.folder / "own.py").write_text(script)
    done = fmo("run", "spec.yaml")
    assert done.code == 1
    return [line for line in done.stderr.splitlines() if line.startswith(("FMO", "log: "))]


FAILING = {
    "def f():\n    raise ValueError('no rows in the file')\nf()": "own.py: ValueError: no rows in "
    "the file",
    "import sys\nsys.exit('the key column is missing')": "own.py: exit code 1. the key column is "
    "missing",
    "raise SystemExit(3)": "own.py: exit code 3.",
    "import pandsa": "own.py: ModuleNotFoundError: No module named 'pandsa'",
    "open('rows.csv')": "own.py: FileNotFoundError: [Errno 2] No such file or directory: "
    "'rows.csv'",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)": "own.py: ended by SIGKILL. It "
    "probably ran out of memory.",
}


@pytest.mark.parametrize("script", FAILING)
def test_the_reason_and_the_log_are_shown(fmo: Checked, script: str) -> None:
    if "Errno" in FAILING[script]:
        fmo = type(fmo).__mro__[1](fmo.folder)  # The script's own words are the script's own.
    reason, log = run(fmo, script)
    assert reason == f"FMO210 own: {FAILING[script]}"
    text = Path(log.removeprefix("log: ")).read_text()
    last = FAILING[script].partition(": ")[2].removeprefix("exit code 1. ")
    assert last in text or script == "raise SystemExit(3)" or "SIGKILL" in script


GATES = {
    '{"rowz": 3}': "there is no 'rows' in metrics.json (found: rowz). Did you mean 'rowz'?",
    '{"loss": 3}': "there is no 'rows' in metrics.json (found: loss). Name one of these, or let it "
    "be written.",
    '{"rows": "many"}': "'rows' in metrics.json is text, \"many\". Write a number.",
    '{"rows": True}': "'rows' in metrics.json is a boolean, true. Write a number.",
    "[1]": "metrics.json holds no object. Write {NAME: NUMBER}.",
}


@pytest.mark.parametrize("metrics", GATES)
def test_a_gate_says_which_metric_it_misses(fmo: Checked, metrics: str) -> None:
    (reason,) = run(fmo, WRITE.replace("METRICS", metrics))
    assert reason == f"FMO210 own-gate: own.metrics: {GATES[metrics]}"


def test_a_script_that_writes_no_metrics_is_named(fmo: Checked) -> None:
    (reason,) = run(fmo, "print('done')")
    assert reason == (
        "FMO210 own-gate: own.metrics: the step wrote no metrics.json that can be read. Let its "
        "script write one, or remove the gate."
    )


def test_a_bound_on_a_metric_of_training_that_is_never_written_is_warned_of(fmo: Checked) -> None:
    (fmo.folder / "spec.yaml").write_text(
        "name: two\nsteps:\n"
        "  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, "
        "data: s3://models/rows/, gates: {max: {eval/los: 3}}}\n"
        "  exam: {kind: evaluate, model: $sft.model, data: s3://models/test/}\n"
        "  ok: {kind: gate, conditions: [{metric: $exam.metrics.acuracy, min: 1}]}\n"
    )
    done = fmo("validate", "spec.yaml")
    assert done.code == 0
    assert done.stderr.splitlines()[:2] == [
        "warning spec.yaml:3: steps.sft.gates.max.eval/los: `train` measures no 'eval/los', so the "
        "gate would fail. Did you mean 'eval/loss'?",
        "warning spec.yaml:5: steps.ok.conditions[0].metric: `evaluate` measures no 'acuracy', so "
        "the gate would fail. Did you mean 'accuracy'?",
    ]
