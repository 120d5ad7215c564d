"""The life of a pipeline over the protocol of AWS, its jobs run for real: none of them is told."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli.conftest import ROOT, Fmo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.functional.cli.conftest import Ended

START = ("start", "spec.yaml", "--env", "dev", "--yes", "--json")


def test_a_spec_is_deployed_started_watched_reported_and_pulled(running_account: Fmo) -> None:
    fmo = running_account
    assert fmo("deploy", "spec.yaml", "--env", "dev", "--yes").code == 0
    started = fmo(*START, "--param", "Limit=3")
    assert started.code == 0, started.stderr
    watched = fmo("status", "--watch", "--every", "0.1", "--json")
    assert watched.code == 0, watched.stderr
    steps = {step["name"]: step for step in watched.document["steps"]}
    assert steps["count"]["metrics"] == {"rows": 3}
    assert steps["count-gate"]["condition_outcome"] is True
    assert steps["again"]["status"] == "Succeeded"
    assert fmo("logs", "last", "count").stdout == "progress step=1/1 rows=3\n"
    report = fmo("report", started.document["pipeline_execution_arn"], "--json")
    assert "count-words" in (fmo.folder / report.document["report"]).read_text(encoding="utf-8")
    pulled = fmo("pull", "last", "again", "--json").document["outputs"]
    rows = (fmo.folder / pulled[0]["path"] / "rows.jsonl").read_text(encoding="utf-8")
    here = fmo("run", "spec.yaml", "--param", "Limit=3", "--json").document
    again = next(step for step in here["steps"] if step["name"] == "again")
    local = fmo.folder / ".fmo" / "s3" / again["outputs"]["copy"].removeprefix("s3://")
    assert rows == (local / "rows.jsonl").read_text(encoding="utf-8")
    assert [json.loads(row)["text"] for row in rows.splitlines()]


def test_a_gate_that_does_not_open_fails_the_execution_there_too(running_account: Fmo) -> None:
    fmo = running_account
    assert fmo("deploy", "spec.yaml", "--env", "dev", "--yes").code == 0
    fmo(*START, "--param", "Limit=1")
    watched = fmo("status", "--watch", "--every", "0.1", "--json")
    assert watched.code == 1
    assert "count: the gate did not open: rows is 1 (must be at least 2)." in watched.stderr


PROJECT = """\
environments:
  dev:
    region: eu-central-1
    infra: {parts: [schedules]}
"""
SPEC = """\
name: weekly
parameters:
  Seconds: {type: Integer, default: 0}
schedule: {cron: "0 6 ? * MON *", timezone: Europe/Berlin, overlap: skip}
notify: {on_status: [Failed, Stopped]}
steps:
  fit:
    kind: train
    script: ./fit.py
    inputs: {words: ./words}
    hyperparameters: {seconds: $params.Seconds, loses: 1}
    smoke: {loses: 0}
    retries: 0
  publish: {kind: register, model: $fit, model_package_group_name: words}
"""
SCRIPT = """\
import argparse, json, os, sys, time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=int)
parser.add_argument("--loses", type=int)
given = parser.parse_args()
time.sleep(given.seconds)
checkpoint = Path(os.environ["SM_CHECKPOINT_DIR"]) / "state.json"
if given.loses and not checkpoint.exists():
    checkpoint.write_text("{}")
    sys.exit("the instance is lost")
words = sum(len(it.read_text().split()) for it in Path(os.environ["SM_CHANNEL_WORDS"]).iterdir())
print(f"words={words}")
(Path(os.environ["SM_MODEL_DIR"]) / "metrics.json").write_text(json.dumps({"words": words}))
"""
BY_THE_CLOCK = """\
import json, sys, boto3
from orchestrator.bridge.starter import start

target = boto3.client("scheduler").get_schedule(Name="fmo-weekly")["Target"]
event = target["Input"].replace("<aws.scheduler.scheduled-time>", sys.argv[1])
print(json.dumps({"function": target["Arn"], **start(json.loads(event), None)}))
"""
"""What EventBridge Scheduler does on Monday at six, and what the function that it calls does."""
PAGE = ROOT / "docs" / "aws.md"
"""Whose commands are all run here."""
DEV = ("--env", "dev")
YES = ("--yes", "--json")
SOON = ("--every", "0.1")
WEEKLY = ("weekly.yaml", *DEV)
WATCH = ("status", "--watch", *SOON, "--json")


@dataclass(frozen=True)
class NotingFmo(Fmo):
    """`fmo`, and which of its commands were run with which options."""

    ran: set[str] = field(default_factory=set)

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        self.ran.add(shape(arguments))
        return super().__call__(*arguments, **environment)


def shape(arguments: Sequence[str]) -> str:
    """Return the command and the options that matter: `infra deploy --env`."""
    many = 2 if arguments[0] in {"infra", "models", "schedule"} else 1
    words = [it for it in arguments[:many] if not it.startswith("-")]
    options = {it for it in arguments if it.startswith("--")} - {
        "--yes",
        "--json",
        "--every",
        "--param",
    }
    return " ".join([*words, *sorted(options)])


@pytest.fixture
def empty(running_account: Fmo) -> NotingFmo:
    """An account without anything for the project, and a spec that is to be trained weekly."""
    folder = running_account.folder
    for name, text in (("fmo.yaml", PROJECT), ("weekly.yaml", SPEC), ("fit.py", SCRIPT)):
        (folder / name).write_text(text, encoding="utf-8")
    return NotingFmo(folder, running_account.variables)


@pytest.mark.slow
def test_an_empty_account_comes_to_a_scheduled_retraining_and_is_left_empty(
    empty: NotingFmo,
) -> None:
    an_account_is_made(empty)
    the_spec_is_deployed(empty)
    it_trains_though_an_instance_is_lost(empty)
    its_model_is_approved(empty)
    it_trains_by_the_clock(empty)
    a_run_is_not_overlapped_and_stops(empty)
    gone = empty("infra", "delete", *DEV, "--yes", *SOON)
    assert gone.code == 0, gone.stderr
    assert "keep         fmo-dev-111111111111-eu-central-1" in gone.stderr
    assert "nothing to delete" in empty("infra", "delete", *DEV).stderr
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert {shape(line[1:]) for line in lines} - empty.ran == set(), "on the page and not run"


def an_account_is_made(fmo: Fmo) -> None:
    assert fmo("infra", "diff", *DEV, *SOON).code == 1
    made = fmo("infra", "deploy", *DEV, "--yes", *SOON)
    assert made.code == 0, made.stderr
    lines = made.stdout[made.stdout.index("environments:") :].splitlines()[2:]
    (fmo.folder / "fmo.yaml").write_text(PROJECT + "\n".join(lines) + "\n", encoding="utf-8")


def the_spec_is_deployed(fmo: Fmo) -> None:
    tried = fmo("run", "weekly.yaml", "--smoke")
    assert tried.code == 0, tried.stderr
    assert fmo("validate", *WEEKLY).code == 0
    assert fmo("lock", "weekly.yaml").code == 0
    assert fmo("diff", *WEEKLY).code == 1
    deployed = fmo("deploy", *WEEKLY, "--yes")
    assert deployed.code == 0, deployed.stderr
    assert "preflight    nothing is missing" in deployed.stderr
    assert fmo("diff", *WEEKLY).code == 0


def it_trains_though_an_instance_is_lost(fmo: Fmo) -> None:
    started = fmo("start", *WEEKLY, *YES).document["pipeline_execution_arn"]
    lost = fmo(*WATCH)
    assert (lost.code, "the instance is lost" in lost.stderr) == (1, True), lost.stderr
    assert fmo("retry", *YES).code == 0
    assert fmo("logs", "--follow", *SOON).stdout.startswith("words=")
    watched = fmo(*WATCH)
    assert watched.code == 0, watched.stderr
    report = fmo("report", started, "--json").document["report"]
    assert "weekly" in (fmo.folder / report).read_text(encoding="utf-8")
    pulled = {it["output"]: it for it in fmo("pull", "last", "fit", "--json").document["outputs"]}
    metrics = fmo.folder / pulled["model"]["path"] / "metrics.json"
    assert json.loads(metrics.read_text(encoding="utf-8"))["words"] > 0


def its_model_is_approved(fmo: Fmo) -> None:
    approved = fmo("models", "approve", "words/1", *DEV, "--note", "Read twenty answers.")
    assert approved.code == 0, approved.stderr
    shown = fmo("models", "show", "words", *DEV, "--json")
    assert "Read twenty answers." in shown.stdout
    assert '"Approved"' in shown.stdout


def it_trains_by_the_clock(fmo: Fmo) -> None:
    listed = fmo("schedule", "list", *WEEKLY, "--json").document["triggers"]
    assert [(it["name"], it["state"]) for it in listed] == [
        ("fmo-weekly", "enabled"),
        ("fmo-weekly-notify", "enabled"),
    ]
    for said, state in (("pause", "paused"), ("resume", "enabled")):
        [schedule] = fmo("schedule", said, *WEEKLY, "--json").document["triggers"]
        assert schedule["state"] == state
    called = monday(fmo, "2026-11-30")
    assert called["function"].endswith(":function:fmo-dev-starter")
    watched = fmo("status", called["started"], "--watch", *SOON)
    assert watched.code == 0, watched.stderr
    assert "words/2" in fmo("models", *DEV).stdout


def a_run_is_not_overlapped_and_stops(fmo: Fmo) -> None:
    running = fmo("start", *WEEKLY, *YES, "--smoke", "--param", "Seconds=60").document
    assert monday(fmo, "2026-12-07")["skipped"] == running["pipeline_execution_arn"]
    assert fmo("stop", "--json").document["status"] == "Stopping"
    stopped = fmo(*WATCH)
    assert (stopped.code, stopped.document["status"]) == (1, "Stopped")


def monday(fmo: Fmo, day: str) -> dict[str, str]:
    """Let the schedule fire; return which function it called, and what that answered."""
    done = subprocess.run(
        [sys.executable, "-c", BY_THE_CLOCK, f"{day}T05:00:00Z"],
        env=fmo.environment(AWS_DEFAULT_REGION="eu-central-1"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout)
    return answer
