"""What docs/tracking.md says of teams and environments, typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Ended, Fmo

PAGE = (Path(__file__).parents[3] / "docs" / "tracking.md").read_text(encoding="utf-8")
SPEC, PROJECT = (
    re.search(rf"```yaml\n({start}.*?)```", PAGE, re.DOTALL) for start in ("name:", "defaults:")
)
TRACKERS = "    report_to: [tensorboard, mlflow]\n    run_name: first try\n"


@pytest.fixture
def team(fmo: Fmo) -> Fmo:
    """The page's spec, without what it says of trackers, beside the page's `fmo.yaml`."""
    assert SPEC is not None
    assert PROJECT is not None
    assert TRACKERS in SPEC[1]
    (fmo.folder / "support.yaml").write_text(SPEC[1].replace(TRACKERS, ""), encoding="utf-8")
    (fmo.folder / "tickets.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (fmo.folder / "fmo.yaml").write_text(PROJECT[1], encoding="utf-8")
    return fmo


def validated(team: Fmo, *options: str) -> Ended:
    return team("validate", "support.yaml", *options)


def test_a_team_s_tracker_is_that_of_every_spec(team: Fmo) -> None:
    assert validated(team).code == validated(team, "--env", "prod").code == 0
    shown = team("config", "show", "support.yaml", "sft", "--env", "prod", "--json").stdout
    assert re.search(r'"report_to",\s+"value": "mlflow"', shown), shown
    assert "mlflow-tracking-server" in shown


def test_one_step_may_stay_silent_without_a_warning(team: Fmo) -> None:
    ended = validated(team, "--env", "prod", "--set", "steps.sft.report_to=none")
    assert (ended.code, "warning" in ended.stderr.lower()) == (0, False), ended.stderr


def test_mlflow_without_a_server_is_refused_with_the_line_of_the_default(team: Fmo) -> None:
    text = (team.folder / "fmo.yaml").read_text()
    (team.folder / "fmo.yaml").write_text(re.sub(r"tracking_uri: .*", "spot: true", text))
    ended = validated(team, "--env", "prod")
    assert ended.code == 2
    assert "fmo.yaml:2: steps.sft.report_to (defaults.train.report_to)" in ended.stderr
    assert "MLflow needs a server where 'prod' runs, and none is named" in ended.stderr


def test_a_network_that_is_cut_off_is_a_warning(team: Fmo) -> None:
    text = (team.folder / "fmo.yaml").read_text()
    cut = text.replace("bucket: acme-prod", "bucket: acme-prod\n    network_isolation: true")
    (team.folder / "fmo.yaml").write_text(cut)
    ended = validated(team, "--env", "prod")
    assert ended.code == 0
    assert "cuts jobs off from every network: nothing gets to mlflow" in ended.stderr
    assert "1 warning, no errors" in ended.stdout
