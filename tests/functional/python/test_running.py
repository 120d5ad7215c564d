"""Pipelines that run from a program: real jobs, results as objects."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import Pipeline, load, steps
from orchestrator.errors import InputError

EXAMPLE = Path(__file__).parents[3] / "docs" / "commands" / "example"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FMO_HOME", raising=False)
    return tmp_path


def test_a_loaded_pipeline_runs_with_parameters(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = load("spec.yaml").run(parameters={"Limit": 3}, workers=1)
    assert result.status == "Succeeded"
    assert result.parameters["Limit"] == 3
    rows = result["count"].path("rows")
    assert rows.is_dir()
    assert rows.is_relative_to(folder / ".fmo" / "s3")
    assert result.to_pandas().loc["count", "status"] == "Succeeded"
    told = capfd.readouterr()
    assert told.out == ""
    assert "count: succeeded" in told.err


def test_a_parameter_that_is_not_there_starts_nothing(folder: Path) -> None:
    with pytest.raises(InputError, match="there is no such parameter"):
        load("spec.yaml").run(parameters={"Limt": 3})
    assert not (folder / ".fmo" / "executions").exists()


def test_a_failed_step_raises_nothing_and_says_why(folder: Path) -> None:
    (folder / "fails.py").write_text("raise SystemExit('no luck')\n")
    pipeline = Pipeline("unlucky")
    pipeline.add("go", steps.processing(script="./fails.py", retries=0))
    result = pipeline.run(home="elsewhere")
    assert result.status == "Failed"
    assert "no luck" in str(result["go"].failure_reason)
    assert "no luck" in result._repr_html_()
    assert (folder / "elsewhere" / "journal.db").exists()
    assert not (folder / ".fmo").exists()


def test_a_table_is_what_a_script_reads(folder: Path) -> None:
    (folder / "sum.py").write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "rows = Path('/opt/ml/processing/input/rows/rows.jsonl').read_text().splitlines()\n"
        "total = sum(json.loads(row)['n'] for row in rows)\n"
        "out = Path('/opt/ml/processing/output/metrics/metrics.json')\n"
        "out.write_text(json.dumps({'total': total}))\n"
    )
    pipeline = Pipeline("sums")
    table = [{"n": number} for number in range(5)]
    pipeline.add(
        "sum",
        steps.processing(script="./sum.py", inputs={"rows": table}, outputs={"metrics": "json"}),
    )
    result = pipeline.run()
    assert result["sum"].metrics == {"total": 10}, result["sum"].failure_reason
    assert pipeline.run()["sum"].cached
    assert not pipeline.run(use_cache=False)["sum"].cached


@pytest.mark.usefixtures("folder")
def test_the_definition_of_an_environment_runs_here() -> None:
    result = load("spec.yaml").run(env="prod", parameters={"Limit": 3})
    assert result.source["environment"] == "prod"
    assert result.status == "Succeeded", result.failure_reason


PROGRAM = """\
import pathlib
from orchestrator import Pipeline, steps
pipeline = Pipeline("slow")
pipeline.add("wait", steps.processing(script="./wait.py"))
result = pipeline.run()
print(result.status, result.execution_id)
"""


def test_an_interrupt_stops_the_execution_and_gives_the_result(folder: Path) -> None:
    (folder / "wait.py").write_text("import time; print('waits', flush=True); time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("wait: started"):
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out.split()[:1] == ["Stopped"]


@pytest.mark.usefixtures("folder")
def test_the_receipt_says_that_no_file_was_read() -> None:
    pipeline = Pipeline("small")
    pipeline.add("split", steps.dataset(data="./tickets.jsonl", deduplicate="none"))
    result = pipeline.run()
    assert result.source["spec"] == "written in Python"
    assert json.loads(json.dumps(dict(result.source)))["overrides"] == {}
