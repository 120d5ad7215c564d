"""`fmo start`, `status`, `stop` and `report` over HTTP, against an account on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

START = ("start", "spec.yaml", "--env", "dev", "--yes", "--json")


@pytest.fixture
def deployed(account: Fmo) -> Fmo:
    assert account("deploy", "spec.yaml", "--env", "dev", "--yes").code == 0
    return account


def test_a_deployed_spec_is_started_watched_and_reported(deployed: Fmo) -> None:
    started = deployed(*START, "--param", "Limit=3", "--smoke", "--name", "first")
    assert started.code == 0, started.stderr
    arn = started.document["pipeline_execution_arn"]
    assert started.document["parameters"] == {"Limit": "3", "Smoke": "true"}
    running = deployed("status", "--json").document
    assert (running["status"], running["job_states"]) == ("Executing", {"count": "InProgress"})
    watched = deployed("status", arn, "--watch", "--every", "0.1", "--json")
    assert watched.code == 0
    assert watched.document["status"] == "Succeeded"
    assert watched.document["parameters"]["Limit"] == 3
    assert [step["status"] for step in watched.document["steps"]][:2] == ["Succeeded"] * 2
    assert "again: succeeded" in watched.stderr
    report = deployed("report", arn, "--json")
    assert report.code == 0, report.stderr
    page = (deployed.folder / report.document["report"]).read_text(encoding="utf-8")
    assert "count-words" in page
    assert arn.rpartition("/")[2] in page


def test_a_stopped_execution_ends_with_1(deployed: Fmo) -> None:
    execution = deployed(*START).document["pipeline_execution_arn"].rpartition("/")[2]
    deployed("status")
    assert deployed("stop", execution[:6], "--json").document["status"] == "Stopping"
    ended = deployed("status", "--watch", "--every", "0.1")
    assert ended.code == 1
    assert "Stopped in " in ended.stderr
    again = deployed("stop")
    assert (again.code, again.stdout.partition(":")[0]) == (0, "Stopped")


def test_a_spec_that_is_not_what_is_deployed_is_started_with_a_warning(deployed: Fmo) -> None:
    ended = deployed(*START, "--set", "steps.count.instance_type=ml.m5.2xlarge")
    assert ended.code == 0
    assert (
        "warning the spec differs in 1 member from what is deployed. That is what" in ended.stderr
    )
    assert "job        count: 1 x ml.m5.xlarge" in ended.stderr


def test_nothing_starts_where_nobody_can_be_asked(deployed: Fmo) -> None:
    ended = deployed("start", "spec.yaml", "--env", "dev")
    assert (ended.code, ended.stdout) == (2, "")
    assert "nobody can be asked here. Add --yes to go on." in ended.stderr
    assert "no execution on AWS was started from" in deployed("status").stderr


def test_a_pipeline_that_is_not_deployed_is_not_started(account: Fmo) -> None:
    ended = account(*START)
    assert ended.code == 3
    assert "FMO450 pipeline 'count-words': it is not deployed in eu-central-1." in ended.stderr


def test_an_execution_is_named_by_arn_id_or_last(fmo: Fmo) -> None:
    ended = fmo("status", "arn:aws:s3:::bucket")
    assert ended.code == 2
    assert "'arn:aws:s3:::bucket' is not the ARN of an execution. Give arn:aws:sage" in ended.stderr
    (fmo.folder / ".fmo").mkdir()
    arn = "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/words/execution/ab"
    (fmo.folder / ".fmo" / "aws-executions.txt").write_text(f"{arn}1\n{arn}2\n")
    assert "'ab' fits 2 of the executions started from" in fmo("status", "ab").stderr
    assert "'x' fits none of the executions started from" in fmo("stop", "x").stderr


def test_what_is_deployed_ran_here_first_as_the_same_steps(deployed: Fmo) -> None:
    here = deployed("run", "spec.yaml", "--json").document
    deployed(*START)
    there = deployed("status", "--watch", "--every", "0.1", "--json").document
    for member in ("name", "type", "branch", "depends_on"):
        # A Fail step that is not reached is in both.
        assert [s[member] for s in here["steps"]] == [s[member] for s in there["steps"]], member


def test_logs_are_those_of_the_step_that_matters(deployed: Fmo) -> None:
    deployed(*START)
    followed = deployed("logs", "--follow", "--every", "0.1")
    assert followed.code == 0, followed.stderr
    assert followed.stdout.splitlines()[-1] == "done"
    assert followed.stderr == "count: executing\n"
    document = deployed("logs", "last", "count", "--json").document
    assert (document["step"], document["lines"]) == ("count", followed.stdout.splitlines())
    wrong = deployed("logs", "last", "cuont")
    assert wrong.code == 2
    assert "FMO100 there is no step 'cuont'. Did you mean 'count'?" in wrong.stderr
    gate = deployed("logs", "last", "count-gate")
    assert "step 'count-gate' has no job, and so no log; it is" in gate.stderr
