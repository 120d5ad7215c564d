"""`make aws-smoke` as a command, against an account on this machine."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli.conftest import ROOT

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo


def smoke(account: Fmo, *more: str) -> subprocess.CompletedProcess[str]:
    role, files = "arn:aws:iam::111111111111:role/fmo", account.folder
    return subprocess.run(
        [sys.executable, "-m", "tools.aws_smoke", "--region=eu-central-1", "--bucket=acme-dev",
         f"--role-arn={role}", f"--record={files / 'calls.jsonl'}", f"--home={files / 'smoke'}",
         "--every=0.1", *more],
        cwd=ROOT, env=account.environment(), stdin=subprocess.DEVNULL, text=True,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_cost_is_said_first_and_nothing_starts_unasked(account: Fmo) -> None:
    ended = smoke(account)
    assert ended.returncode == 2
    assert "at most 0.09 USD of compute" in ended.stdout
    assert "nobody can be asked here; add --yes to go on" in ended.stderr
    assert not (account.folder / "calls.jsonl").exists()


def test_the_whole_life_ends_well_and_is_recorded(account: Fmo) -> None:
    ended = smoke(account, "--yes")
    assert ended.returncode == 0, ended.stderr
    assert "stop: Stopped\nclean up: pipeline and objects are deleted" in ended.stdout
    assert "everything was as fmo takes it to be" in ended.stdout
    calls = (account.folder / "calls.jsonl").read_text(encoding="utf-8")
    assert '"operation": "StopPipelineExecution"' in calls
    assert "acme-dev" not in calls
    assert "111111111111" not in calls


@pytest.mark.train
def test_its_pipeline_does_what_it_is_to_do_there(fmo: Fmo) -> None:
    document = fmo("run", str(ROOT / "tools" / "aws_smoke" / "spec.yaml"), "--smoke", "--json")
    assert document.code == 0, document.stderr
    steps = {step["name"]: step for step in document.document["steps"]}
    assert steps["rows"]["metrics"] == {"rows": 8}
    assert steps["fit"]["metrics"]["train/loss"] < 0.5
