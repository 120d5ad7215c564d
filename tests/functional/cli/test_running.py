"""`fmo run` and what looks back at it, as processes on a real store."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

POISON = "import sys\nsys.exit('the word poison is not allowed, naïve 日本')\n"
SLEEPER = "import time\nprint('progress step=1/100', flush=True)\ntime.sleep(60)\n"


NO_SMOKE = {"Smoke": False, "SmokeRows": 200, "SmokeSteps": 10}


def test_a_run_ends_with_its_steps_and_the_path_of_the_report(fmo: Fmo) -> None:
    ended = fmo("run", "spec.yaml", "--workers", "1")
    assert ended.code == 0, ended.stderr
    assert re.search(r"^ count +succeeded .*rows 5", ended.stdout, re.MULTILINE)
    assert re.search(r"^ count-gate +succeeded .*rows 5 >= 2", ended.stdout, re.MULTILINE)
    assert "count: started (Processing)" in ended.stderr
    report = re.search(r"^report: (.+)$", ended.stderr, re.MULTILINE)
    assert report
    assert "<h1>count-words</h1>" in Path(report[1]).read_text(encoding="utf-8")


def test_with_json_stdout_is_one_document_and_people_read_stderr(fmo: Fmo) -> None:
    ended = fmo("run", "spec.yaml", "--json", "--param", "Limit=3")
    assert ended.code == 0, ended.stderr
    document = ended.document
    assert document["status"] == "Succeeded"
    assert document["parameters"] == {"Limit": 3, **NO_SMOKE}
    count = next(step for step in document["steps"] if step["name"] == "count")
    assert count["metrics"] == {"rows": 3}
    assert Path(document["report"]).is_file()
    assert "count-gate" in ended.stderr


def test_a_gate_that_says_no_ends_with_1_and_the_values(fmo: Fmo) -> None:
    ended = fmo("run", "spec.yaml", "--json", "--param", "Limit=1")
    assert ended.code == 1
    document = ended.document
    assert document["status"] == "Failed"
    states = {step["name"]: step["status"] for step in document["steps"]}
    assert states["count-gate-failed"] == "Failed"
    assert states["again"] == "NotStarted"
    gate = next(step for step in document["steps"] if step["name"] == "count-gate")
    assert gate["conditions"] == ["rows 1 >= 2"]
    assert "rows 1 >= 2: no" in ended.stderr
    assert "fmo resume" not in ended.stderr, "the same gate would say no again"


def test_a_failed_step_is_told_with_its_reason_log_and_how_to_go_on(fmo: Fmo) -> None:
    (fmo.folder / "count.py").write_text(POISON)
    ended = fmo("run", "spec.yaml")
    assert ended.code == 1
    assert "the word poison is not allowed" in ended.stderr
    assert "poison" not in ended.stdout, "the table leaves it to the lines below"
    assert "after a change to the spec or a script: fmo run" in ended.stderr
    assert "Traceback" not in ended.stderr
    log = re.search(r"^log: (.+)$", ended.stderr, re.MULTILINE)
    assert log
    assert Path(log[1]).is_file()
    execution = re.search(r"fmo resume (\w+)", ended.stderr)
    assert execution
    page = (fmo.folder / ".fmo" / "executions" / execution[1] / "report.html").read_text("utf-8")
    assert "Why it failed" in page
    assert "poison" in page


def test_a_report_that_cannot_be_written_loses_neither_the_document_nor_the_run(
    fmo: Fmo,
) -> None:
    # The job puts a folder where the report goes; a full disk ends the same way.
    script = fmo.folder / "again.py"
    block = f"import os, pathlib\nhere = pathlib.Path({str(fmo.folder)!r})\n"
    block += "[(run / 'report.html').mkdir() for run in (here / '.fmo/executions').iterdir()]\n"
    script.write_text(script.read_text() + block)
    ended = fmo("run", "spec.yaml", "--json")
    assert ended.code == 0, ended.stderr
    assert ended.document["status"] == "Succeeded"
    assert ended.document["report"] is None
    assert "the report cannot be written: it is a folder. Later: fmo report" in ended.stderr


def test_the_home_is_for_its_owner_only_and_unknown_to_git(fmo: Fmo) -> None:
    fmo("run", "spec.yaml")
    home = fmo.folder / ".fmo"
    assert home.stat().st_mode & 0o077 == 0
    assert (home / ".gitignore").read_text() == "*\n"


def test_wrong_input_starts_nothing_and_leaves_nothing(fmo: Fmo) -> None:
    ended = fmo("run", "spec.yaml", "--set", "steps.count.script=./none.py")
    assert ended.code == 2
    assert "none.py" in ended.stderr
    assert not (fmo.folder / ".fmo").exists()


def test_a_parameter_that_does_not_exist_starts_nothing(fmo: Fmo) -> None:
    ended = fmo("run", "spec.yaml", "--param", "Limits=3", "--json")
    assert ended.code == 2
    assert "Limits" in ended.document["error"]["problems"][0]["where"] + ended.stdout
    assert fmo("runs", "--json").document == []


def test_a_definition_runs_like_the_spec_it_came_from(fmo: Fmo) -> None:
    assert fmo("compile", "spec.yaml", "-o", "pipeline.json").code == 0
    first = fmo("run", "spec.yaml", "--json").document
    second = fmo("run", "pipeline.json", "--json").document
    assert second["status"] == "Succeeded"
    assert second["definition_hash"] == first["definition_hash"]


def test_set_changes_a_spec_and_not_a_definition(fmo: Fmo) -> None:
    fmo("compile", "spec.yaml", "-o", "pipeline.json")
    ended = fmo("run", "pipeline.json", "--set", "steps.count.retries=0")
    assert ended.code == 2
    assert "--set changes a spec, and pipeline.json is a pipeline definition" in ended.stderr


def test_overrides_are_on_the_receipt(fmo: Fmo) -> None:
    document = fmo("run", "spec.yaml", "--set", "parameters.Limit.default=4", "--json").document
    assert document["source"]["overrides"] == {"parameters.Limit.default": "4"}
    assert document["parameters"] == {"Limit": 4, **NO_SMOKE}


def test_a_second_run_takes_steps_from_the_cache_and_why_names_a_change(fmo: Fmo) -> None:
    fmo("run", "spec.yaml")
    again = fmo("run", "spec.yaml")
    assert " cached " in again.stdout
    assert "an earlier run" in fmo("why", "last", "count").stdout
    fresh = fmo("run", "spec.yaml", "--no-cache")
    assert "cached" not in fresh.stdout
    script = fmo.folder / "count.py"
    script.write_text(script.read_text() + "# edited\n")
    fmo("run", "spec.yaml")
    why = fmo("why", "last", "count", "--json").document
    assert [change["part"] for change in why["changes"]] == ["inputs.code/count.py"]


def test_runs_are_listed_newest_first_and_found_by_the_start_of_their_id(fmo: Fmo) -> None:
    first = fmo("run", "spec.yaml", "--json").document["execution_id"]
    second = fmo("run", "spec.yaml", "--json").document["execution_id"]
    listed = fmo("runs", "--json").document
    assert [one["execution_id"] for one in listed] == [second, first]
    ended = fmo("report", first[:6], "-o", "page.html", "--json")
    assert ended.document["execution_id"] == first
    assert first in (fmo.folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command", [("why", "nope", "count"), ("report", "nope"), ("report", "a", "b"), ("resume",)]
)
def test_an_unknown_execution_is_wrong_input(fmo: Fmo, command: tuple[str, ...]) -> None:
    ended = fmo(*command)
    assert ended.code == 2
    assert "there is no execution in" in ended.stderr
    assert "Start one with `fmo run FILE`" in ended.stderr


def test_what_fits_no_execution_is_told_with_where_to_look(fmo: Fmo) -> None:
    fmo("run", "spec.yaml")
    ended = fmo("resume", "nope")
    assert ended.code == 2
    assert "'nope' fits no execution in" in ended.stderr
    assert "`fmo runs` lists them." in ended.stderr


def test_why_of_a_step_that_was_not_reached_lists_no_changes(fmo: Fmo) -> None:
    fmo("run", "spec.yaml")
    fmo("run", "spec.yaml", "--set", "steps.count.gates.min.rows=99")
    why = fmo("why", "last", "again", "--json").document
    assert why["changes"] == []
    assert why["text"].startswith("It did not run: ")


def test_looking_back_where_nothing_ran_makes_no_files(fmo: Fmo) -> None:
    assert "no executions" in fmo("runs").stdout
    assert "no models" in fmo("models").stdout
    assert not (fmo.folder / ".fmo").exists()


def test_home_comes_from_the_environment_unless_given(fmo: Fmo) -> None:
    fmo("run", "spec.yaml", FMO_HOME="here")
    assert (fmo.folder / "here" / "journal.db").is_file()
    fmo("run", "spec.yaml", "--home", "there", FMO_HOME="here")
    assert (fmo.folder / "there" / "journal.db").is_file()


@pytest.mark.parametrize("command", [("run", "spec.yaml"), ("runs",), ("resume", "last")])
def test_a_journal_of_a_newer_version_is_refused_by_every_command_and_kept(
    fmo: Fmo, command: tuple[str, ...]
) -> None:
    (fmo.folder / ".fmo").mkdir()
    journal = fmo.folder / ".fmo" / "journal.db"
    with sqlite3.connect(journal) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    ended = fmo(*command)
    assert ended.code == 2
    assert "FMO330" in ended.stderr
    assert "a newer fmo wrote this journal (version 99" in ended.stderr
    assert not (fmo.folder / ".fmo" / "executions").exists()


REGISTERING = {
    "Version": "2020-12-01",
    "Steps": [
        {
            "Name": "publish",
            "Type": "RegisterModel",
            "Arguments": {
                "ModelPackageGroupName": "helpers",
                "InferenceSpecification": {
                    "Containers": [
                        {
                            "Image": "1.dkr.ecr.us-east-1.amazonaws.com/x:1",
                            "ModelDataUrl": "s3://lab/m/model.tar.gz",
                        }
                    ]
                },
                "ModelCard": {
                    "ModelCardContent": '{"intended_uses": "Drafts."}',
                    "ModelCardStatus": "Draft",
                },
            },
        }
    ],
}


def test_a_model_is_shown_with_its_card_and_the_place_of_its_weights(fmo: Fmo) -> None:
    (fmo.folder / "register.json").write_text(json.dumps(REGISTERING))
    weights = fmo.folder / ".fmo" / "s3" / "lab" / "m" / "model.tar.gz"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    for _ in range(2):
        ended = fmo("run", "register.json")
        assert ended.code == 0, ended.stderr
    assert "helpers/2" in fmo("models").stdout
    shown = fmo("models", "helpers").stdout
    assert shown.startswith("helpers/2: PendingManualApproval")
    assert str(weights) in shown
    assert '"intended_uses": "Drafts."' in shown
    weights.unlink()
    assert "not in the store any more" in fmo("models", "helpers/1").stdout
    assert fmo("models", "helpers/1", "--json").document["version"] == 1
    missing = fmo("models", "helper")
    assert missing.code == 2
    assert "there is no model 'helper' in" in missing.stderr
    assert "The latest: helpers/2, helpers/1." in missing.stderr


def test_how_to_go_on_names_the_home_where_it_is_not_the_usual_one(fmo: Fmo) -> None:
    (fmo.folder / "count.py").write_text(POISON)
    ended = fmo("run", "spec.yaml", "--home", "other home")
    again = re.search(r"go on with: fmo (resume .+)", ended.stderr)
    assert again
    arguments = shlex.split(again[1])
    assert arguments[2:] == ["--home", str(fmo.folder / "other home")]
    assert fmo(*arguments).code == 1, "it is found, and fails again"
    usual = fmo("run", "spec.yaml", FMO_HOME="there")
    assert "--home" not in usual.stderr


def test_ctrl_c_stops_the_jobs_and_says_how_to_go_on(fmo: Fmo) -> None:
    script = fmo.folder / "again.py"
    ending = script.read_text()
    script.write_text(SLEEPER)
    arguments = [sys.executable, "-m", "orchestrator", "run", "spec.yaml"]
    process = subprocess.Popen(
        arguments, cwd=fmo.folder, env=fmo.environment(), stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr
    for line in process.stderr:
        if line.startswith("again: step 1/100"):
            break
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "stopped" in stdout
    execution = re.search(r"go on with: fmo resume (\w+)", stderr)
    assert execution, stderr
    assert not running(fmo.folder / "again.py")
    script.write_text(ending)
    listed = fmo("runs", "--json").document
    assert listed[0]["status"] == "Stopped"


def running(script: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if str(script.parent).encode() in command:
            found.append(command.decode())
    return found


def test_a_reader_who_leaves_does_not_end_the_run(fmo: Fmo) -> None:
    arguments = [sys.executable, "-m", "orchestrator", "run", "spec.yaml"]
    process = subprocess.Popen(
        arguments, cwd=fmo.folder, env=fmo.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    process.stderr.close()
    process.wait(timeout=60)
    assert fmo("runs", "--json").document[0]["status"] == "Succeeded"


def test_a_broken_pipe_ends_without_a_traceback(fmo: Fmo) -> None:
    command = f"{sys.executable} -m orchestrator schema | head -c 1 > /dev/null"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=fmo.folder, env=fmo.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""


def test_a_terminal_without_utf_8_shows_escapes_and_ends_well(fmo: Fmo) -> None:
    spec = fmo.folder / "spec.yaml"
    spec.write_text("description: naïve ✓ 日本\n" + spec.read_text(), encoding="utf-8")
    (fmo.folder / "count.py").write_text(POISON, encoding="utf-8")
    ended = fmo("run", "spec.yaml", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ended.code == 1
    assert "UnicodeEncodeError" not in ended.stderr


def test_compiled_bytes_on_stdout_are_those_of_the_file(fmo: Fmo) -> None:
    fmo("compile", "spec.yaml", "-o", "pipeline.json")
    assert fmo("compile", "spec.yaml").stdout == (fmo.folder / "pipeline.json").read_text("utf-8")


def test_part_of_an_environment_is_not_enough(fmo: Fmo) -> None:
    ended = fmo("compile", "spec.yaml", "--bucket", "acme")
    assert ended.code == 2
    assert "--role-arn and --region missing" in ended.stderr


def test_the_schema_is_json_with_and_without_the_option(fmo: Fmo) -> None:
    plain, asked = fmo("schema"), fmo("schema", "--json")
    assert plain.stdout == asked.stdout
    assert "steps" in json.loads(plain.stdout)["properties"]


def test_the_plan_shows_order_sources_gates_and_parameters(fmo: Fmo) -> None:
    text = fmo("plan", "spec.yaml").stdout
    for part in ("words=./words", "rows=$count.rows", "gate: rows >= 2", "Limit", "Integer"):
        assert part in text
    steps = fmo("plan", "spec.yaml", "--json").document["steps"]
    assert [(step["name"], step["guards"]) for step in steps] == [
        ("count", []),
        ("again", ["count"]),
    ]


@pytest.mark.parametrize("columns", ["60", "200"])
def test_every_table_fits_the_terminal(fmo: Fmo, columns: str) -> None:
    fmo("run", "spec.yaml")
    for command in (("plan", "spec.yaml"), ("runs",), ("resume",)):
        ended = fmo(*command, COLUMNS=columns)
        assert max(len(line) for line in ended.stdout.splitlines()) <= int(columns)
