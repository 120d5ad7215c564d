"""Secrets on this machine: the example of the page, who gets one, and where none is ever found."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.local.process import can_show_as_opt_ml

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Ended, Fmo

PAGE = (Path(__file__).parents[3] / "docs/environments.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Secrets") :]
PROJECT, SPEC, SCRIPT = re.findall(r"```(?:yaml|python)\n(.*?)```", SECTION, re.DOTALL)
MISSING = re.findall(r"```text\n(.*?)```", SECTION, re.DOTALL)[0].strip()
VALUE = "correct-horse-battery"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_show_as_opt_ml(), reason="no private mount namespace"),
]


@pytest.fixture
def tickets(fmo: Fmo) -> Fmo:
    (fmo.folder / "fmo.yaml").write_text(PROJECT, encoding="utf-8")
    (fmo.folder / "tickets.yaml").write_text(SPEC, encoding="utf-8")
    (fmo.folder / "pull.py").write_text(SCRIPT, encoding="utf-8")
    return fmo


def step(ended: Ended, name: str = "pull") -> Any:
    return next(step for step in ended.document["steps"] if step["name"] == name)


def found_in(folder: Path, text: str) -> list[str]:
    """Return every file below `folder` that holds `text`, as it is or in another coding of it."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_the_example_of_the_page_gets_its_token_and_shows_none(tickets: Fmo) -> None:
    ended = tickets("run", "tickets.yaml", "--json", TICKETS_TOKEN=VALUE)
    assert ended.code == 0, ended.stderr
    assert Path(step(ended)["log"]).read_text() == "asking with ***\n"
    assert VALUE not in ended.stdout + ended.stderr
    assert tickets("report", "last").code == 0
    assert found_in(tickets.folder, VALUE) == []
    assert found_in(tickets.folder, "FMO_SECRET_TICKETS_TOKEN")


def test_the_value_is_no_part_of_the_cache_key(tickets: Fmo) -> None:
    tickets("run", "tickets.yaml", TICKETS_TOKEN=VALUE)
    again = tickets("run", "tickets.yaml", "--json", TICKETS_TOKEN="another-value")  # noqa: S106
    assert step(again)["cached"] is True
    why = tickets("why", "last", "pull", "--json")
    assert VALUE not in why.stdout + why.stderr


def test_why_a_script_failed_shows_no_secret(tickets: Fmo) -> None:
    script = SCRIPT + 'raise RuntimeError(f"refused: {token}")\n'
    (tickets.folder / "pull.py").write_text(script)
    ended = tickets("run", "tickets.yaml", "--json", TICKETS_TOKEN=VALUE)
    assert ended.code == 1
    assert step(ended)["failure_reason"] == "pull.py: RuntimeError: refused: ***"
    assert "refused: ***" in ended.stderr
    assert VALUE not in ended.stdout + ended.stderr
    assert found_in(tickets.folder, VALUE) == []


def test_a_variable_that_is_not_set_is_told_before_anything_starts(tickets: Fmo) -> None:
    ended = tickets("run", "tickets.yaml", "--json")
    assert ended.code == 2
    assert MISSING in ended.stderr
    assert not list(tickets.folder.glob(".fmo/executions/*"))


def test_an_execution_that_goes_on_needs_it_as_well(tickets: Fmo) -> None:
    (tickets.folder / "pull.py").write_text(SCRIPT + "raise SystemExit(1)\n")
    assert tickets("run", "tickets.yaml", TICKETS_TOKEN=VALUE).code == 1
    ended = tickets("resume", "last")
    assert (ended.code, MISSING in ended.stderr) == (2, True)


def test_only_the_step_that_names_it_gets_it_and_by_the_declared_variable(tickets: Fmo) -> None:
    (tickets.folder / "fmo.yaml").write_text(PROJECT.replace("token}", "token, env: MY_TOKEN}"))
    (tickets.folder / "look.py").write_text(
        "import os\nprint(sorted(name for name in os.environ if 'TOKEN' in name))\n"
    )
    look = "    kind: processing\n    script: ./look.py\n    after: [pull]\n"
    (tickets.folder / "tickets.yaml").write_text(SPEC + f"  look:\n{look}")
    ended = tickets("run", "tickets.yaml", "--json", MY_TOKEN=VALUE, TICKETS_TOKEN="not this")  # noqa: S106
    assert ended.code == 0, ended.stderr
    assert Path(step(ended)["log"]).read_text() == "asking with ***\n"
    names = Path(step(ended, "look")["log"]).read_text()
    assert "MY_TOKEN" not in names
    assert "TICKETS_TOKEN" not in names


def test_config_and_definition_show_the_reference_and_the_place(tickets: Fmo) -> None:
    shown = tickets("config", "show", "tickets.yaml", "pull", TICKETS_TOKEN=VALUE)
    assert "environment.TICKETS_TOKEN   $secrets.tickets" in shown.stdout
    compiled = tickets("compile", "tickets.yaml", TICKETS_TOKEN=VALUE)
    (variables,) = re.findall(r'"Environment": (\{.*?\n\s+\})', compiled.stdout, re.DOTALL)
    assert json.loads(variables) == {
        "FMO_SECRET_TICKETS_TOKEN": '{"secret_id": "acme/tickets", "key": "token"}'
    }
    assert VALUE not in shown.stdout + compiled.stdout


def test_an_environment_checks_its_secrets_too(tickets: Fmo) -> None:
    account = (
        "environments:\n  prod:\n    region: eu-central-1\n    bucket: acme-prod\n"
        "    role_arn: arn:aws:iam::222222222222:role/fmo\n"
    )
    (tickets.folder / "fmo.yaml").write_text(PROJECT + account)
    assert tickets("validate", "tickets.yaml", "--env", "prod").code == 0
    (tickets.folder / "fmo.yaml").write_text(PROJECT + account + "    network_isolation: true\n")
    ended = tickets("validate", "tickets.yaml", "--env", "prod")
    assert ended.code == 2
    assert (
        "tickets.yaml:7: steps.pull.environment.TICKETS_TOKEN: the job fetches a secret, and "
        "environment 'prod' cuts its jobs off from every network" in ended.stderr
    )


def test_a_default_of_the_project_may_name_a_secret(tickets: Fmo) -> None:
    default = "defaults: {processing: {environment: {EXTRA: $secrets.tickts}}}\n"
    (tickets.folder / "fmo.yaml").write_text(default + PROJECT)
    ended = tickets("validate", "tickets.yaml")
    assert ended.code == 2
    assert "fmo.yaml:1: steps.pull.environment.EXTRA" in ended.stderr
    assert "there is no secret 'tickts'. Did you mean 'tickets'?" in ended.stderr
