"""Two weeks of a schedule: data land, it trains, fails and is retried, finds nothing new and stops.

The jobs are run for real, by the local engine behind moto; only the clock is the test's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tests.aws.strict_events  # noqa: F401 - makes moto strict
from orchestrator import flow, flow_aws, flow_local
from orchestrator.aws.deploy import carry_out, plan_deployment
from orchestrator.aws.executions import with_outputs
from orchestrator.aws.logs import JobLog
from orchestrator.aws.watch import watch
from orchestrator.local.home import Home
from orchestrator.results.report import render_report
from tests.aws.account import BUCKET, REGION
from tests.aws.local_engine import LocalEngine
from tests.aws.moved_clock import MovedClock
from tests.aws.scheduler import Scheduler
from tests.aws.strict_moto import run_by

if TYPE_CHECKING:
    import boto3

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.executions import Watched

PROJECT = """\
environments:
  dev:
    region: eu-central-1
    role_arn: arn:aws:iam::123456789012:role/fmo
    bucket: acme-dev
    scheduler_role_arn: arn:aws:iam::123456789012:role/scheduler
"""
SPEC = """\
name: weekly
parameters:
  Drops: {type: S3Uri, default: s3://acme-dev/drops/, local: ./drops}
schedule: {cron: "0 6 ? * MON *", timezone: Europe/Berlin}
steps:
  split:
    kind: dataset
    data: $params.Drops
    deduplicate: exact
    split: {validation: 0, test: 0}
    count_new_rows: true
    gates: {min: {new_rows: 20}, otherwise: stop}
  fit:
    kind: train
    script: ./fit.py
    inputs: {train: $split}
    retries: 0
"""
SCRIPT = """\
import json, os, sys
from pathlib import Path

checkpoint = Path(os.environ["SM_CHECKPOINT_DIR"]) / "state.json"
rows = (Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.jsonl").read_text().splitlines()
done = json.loads(checkpoint.read_text()) if checkpoint.exists() else 0
print(f"from row {done} of {len(rows)}", flush=True)
if not done and len(rows) > 50:
    checkpoint.write_text("30")
    sys.exit("the instance is lost")
model = Path(os.environ["SM_MODEL_DIR"])
(model / "metrics.json").write_text(json.dumps({"rows": len(rows)}))
"""


def drop(week: int, rows: int) -> bytes:
    texts = (f"Ticket {number} of week {week} asks for a refund." for number in range(rows))
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


class Weeks:
    """The account, as its weeks go by."""

    def __init__(self, aws: Aws, session: boto3.Session, engine: LocalEngine) -> None:
        assert isinstance(engine.clock, MovedClock)
        self.aws, self.engine = aws, engine
        self.scheduler = Scheduler(session, engine.clock)

    def pass_by(self) -> str:
        """Go on to the next Monday and return the ARN of what started then."""
        self.scheduler.move_to_next()
        return self.scheduler.started[-1]

    def ended(self, arn: str) -> Watched:
        clock = self.engine.clock
        return watch(arn, self.aws, lambda _: None, now=clock.now, wait=self.engine.wait)

    def statuses(self, seen: Watched) -> dict[str, str]:
        return {step.name: step.status for step in seen.result.steps}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("fmo.yaml", PROJECT), ("spec.yaml", SPEC), ("fit.py", SCRIPT)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def weeks(aws: Aws, session: boto3.Session, folder: Path) -> Weeks:
    engine = LocalEngine(Home(folder / "engine"), MovedClock())
    run_by(engine, "123456789012", REGION)
    prepared = flow_aws.compile_for(folder / "spec.yaml", {}, "dev")
    carry_out(plan_deployment(flow_aws.deployment_of(prepared), aws), aws)
    return Weeks(aws, session, engine)


def test_it_trains_when_data_have_come_resumes_a_retry_and_stops_green_else(weeks: Weeks) -> None:
    aws = weeks.aws
    aws.put(BUCKET, "drops/1.jsonl", drop(1, 40))
    first = weeks.ended(weeks.pass_by())
    assert first.result.started_at.isoformat() == "2026-11-30T05:00:00+00:00"
    assert first.result.status == "Succeeded"
    assert with_outputs(first.result, aws)["fit"].metrics["rows"] == 40

    # A second drop: the job is lost on the way, and retried.
    aws.put(BUCKET, "drops/2.jsonl", drop(2, 25))
    arn = weeks.pass_by()
    failed = weeks.ended(arn)
    assert weeks.statuses(failed)["fit"] == "Failed"
    aws.call("sagemaker", "RetryPipelineExecution", PipelineExecutionArn=arn)
    second = weeks.ended(arn)
    assert second.result.status == "Succeeded"
    assert JobLog(second.jobs["fit"], aws).new_lines() == ["from row 30 of 65"]
    assert second.result["split"].attempts == 1
    assert with_outputs(second.result, aws)["split"].metrics["new_rows"] == 25

    aws.put(BUCKET, "drops/3.jsonl", drop(3, 5) + drop(2, 25))
    third = weeks.ended(weeks.pass_by())
    assert third.result.started_at.isoformat() == "2026-12-14T05:00:00+00:00"
    assert third.result.status == "Succeeded"
    assert with_outputs(third.result, aws)["split"].metrics["new_rows"] == 5
    assert weeks.statuses(third) == {
        "split": "Succeeded", "split-gate": "Succeeded",
        "fit": "NotStarted", "split-known": "NotStarted",
    }  # fmt: skip
    assert len(weeks.scheduler.started) == 3


def test_rows_of_an_execution_that_failed_are_still_new_to_the_next(weeks: Weeks) -> None:
    weeks.aws.put(BUCKET, "drops/1.jsonl", drop(1, 60))
    assert weeks.ended(weeks.pass_by()).result.status == "Failed"
    again = weeks.ended(weeks.pass_by())
    assert again.result.status == "Succeeded"
    assert with_outputs(again.result, weeks.aws)["split"].metrics["new_rows"] == 60
    assert JobLog(again.jobs["fit"], weeks.aws).new_lines() == ["from row 30 of 60"]


def test_the_same_definition_stops_green_on_this_machine(folder: Path) -> None:
    (folder / "drops").mkdir()
    (folder / "drops" / "1.jsonl").write_bytes(drop(1, 30))
    home = Home(folder / ".fmo")
    how = flow_local.HowToRun(lambda _: None, {"PATH": str(Path(sys.executable).parent)})
    prepared = flow.prepare_file(folder / "spec.yaml", {})
    first, second = (
        flow_local.run_prepared(prepared, home, parameters={}, how=how) for _ in range(2)
    )
    assert (first["fit"].status, second["fit"].status) == ("Succeeded", "NotStarted")
    said = "new_rows is 0, with at least 20 asked. So it ended there."
    assert said in render_report(second)
    assert said not in render_report(first)
