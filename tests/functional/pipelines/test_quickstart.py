"""The quickstart notebook, executed whole by a kernel of its own, as a reader runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[3] / "pipelines" / "quickstart.ipynb"
EXECUTE = "from nbclient.cli import main; main()"


def cells(path: Path) -> list[dict[str, Any]]:
    return [
        cell
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]


def test_the_notebook_is_stored_without_outputs() -> None:
    for cell in cells(NOTEBOOK):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


def executed(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Execute the notebook in `folder`, and return every code cell's source to its outputs."""
    shutil.copy(NOTEBOOK, folder)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "FMO_HOME": str(folder / "home"), "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", EXECUTE, NOTEBOOK.name, "--output=executed", "--timeout=300"],
        cwd=folder, env=environment, text=True, capture_output=True, check=False, timeout=400,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {"".join(cell["source"]): cell["outputs"] for cell in cells(folder / "executed.ipynb")}


def shown(ran: dict[str, list[dict[str, Any]]], source: str, kind: str = "text/plain") -> str:
    """Return what the cell that holds `source` shows, its HTML or its text."""
    (outputs,) = (outputs for cell, outputs in ran.items() if source in cell)
    texts = (one.get("data", {}).get(kind, one.get("text", "")) for one in outputs)
    return "".join("".join(text) for text in texts)


@pytest.mark.train
@pytest.mark.slow
def test_the_notebook_runs_to_its_end_and_shows_what_it_promises(tmp_path: Path) -> None:
    # One test, because workers of a parallel run share no executed notebook.
    ran = executed(tmp_path)
    assert not [one for outputs in ran.values() for one in outputs if one["output_type"] == "error"]
    assert "train, waiting" in shown(ran, "from orchestrator import", "text/html")
    assert shown(ran, "p.validate()") == "()"
    run = "result = p.run()"
    assert [one["output_type"] for one in ran[run]] == ["display_data"]
    assert re.fullmatch(r"colours: Succeeded, 6 of 6 steps, .+", shown(ran, run))
    html = shown(ran, run, "text/html")
    assert html.count('class="node Succeeded"') == 6
    for wanted in ("<polyline", "training loss", "validation loss", "base model", "banana"):
        assert wanted in html
    accuracy = re.search(r"accuracy (\d\.\d\d)", shown(ran, "metrics['accuracy']"))
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.6
    assert "'model.safetensors'" in shown(ran, '.path("model")')
    assert "objective: pretrain" in shown(ran, "to_yaml()")
    assert "('exam-gate', 'Condition')" in shown(ran, "p.compile(")
