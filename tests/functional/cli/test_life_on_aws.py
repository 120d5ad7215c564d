"""The life of a pipeline over the protocol of AWS, its jobs run for real: none of them is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

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
