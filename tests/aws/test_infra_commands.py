"""`fmo infra` as it is typed, against the strict moto in this process."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import tests.aws.strict_cloudformation  # noqa: F401 - makes moto strict
from orchestrator import cli
from orchestrator.spec.project_load import load_project

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

PROJECT = """\
environments:
  dev:
    region: eu-central-1
    tags: {team: support}
"""
SPEC = """\
name: count
steps:
  count: {kind: processing, script: ./count.py, outputs: {rows: jsonl}}
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Fmo:
    """`fmo infra` in a folder with a project."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ended:
        more = ["--every", "0.1"] if arguments[0] in {"deploy", "diff", "delete"} else []
        code = cli.run(["infra", *arguments, *more])
        captured = self.capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    def add(self, lines: str) -> None:
        file = self.folder / "fmo.yaml"
        file.write_text(file.read_text(encoding="utf-8") + lines, encoding="utf-8")


@pytest.fixture
def fmo(
    session: boto3.Session,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Fmo:
    del session
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "fmo.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "count.py").write_text("print(1)\n", encoding="utf-8")
    return Fmo(tmp_path, capsys)


def test_an_account_is_made_shown_and_taken_away(fmo: Fmo) -> None:
    shown = fmo("diff", "--env", "dev")
    assert shown.code == 1
    assert "environment  dev: account 123456789012, eu-central-1" in shown.err
    assert "storage      make: stack fmo-dev-storage" in shown.out
    made = fmo("deploy", "--env", "dev", "--yes")
    assert made.code == 0, made.err
    assert "roles        ExecutionRole create complete" in made.err
    assert fmo("diff", "--env", "dev").code == 0
    gone = fmo("delete", "--env", "dev", "--yes")
    assert gone.code == 0, gone.err
    assert "keep         fmo-dev-123456789012-eu-central-1" in gone.err
    assert "        BucketName: fmo-dev-123456789012-eu-central-1" in gone.out
    assert "nothing to delete" in fmo("delete", "--env", "dev").err


def test_the_lines_it_prints_make_an_environment_that_compiles(fmo: Fmo) -> None:
    made = fmo("deploy", "--env", "dev", "--yes")
    lines = made.out[made.out.index("environments:") :].splitlines()[2:]
    fmo.add("\n".join(lines) + "\n")
    project = load_project((fmo.folder / "fmo.yaml").read_text(), file=fmo.folder / "fmo.yaml")
    environment = project.environment("dev")
    assert environment.role_arn == "arn:aws:iam::123456789012:role/fmo-dev-execution"
    asked = fmo("policy", "spec.yaml", "--env", "dev")
    assert asked.code == 0, asked.err
    statements = json.loads(asked.out)["Statement"]
    assert {one["Sid"] for one in statements} >= {"Read", "Encrypt", "RunProcessing"}


def test_what_is_kept_is_used_again(fmo: Fmo) -> None:
    fmo("deploy", "--env", "dev", "--yes")
    gone = fmo("delete", "--env", "dev", "--yes")
    fmo.add("\n".join(gone.out.splitlines()[3:]) + "\n")
    again = fmo("deploy", "--env", "dev", "--yes", "--json")
    assert [part["part"] for part in again.document["parts"]] == ["roles"]
    assert again.document["outputs"]["BucketName"] == "fmo-dev-123456789012-eu-central-1"


def test_nothing_is_made_where_nobody_can_be_asked(fmo: Fmo, session: boto3.Session) -> None:
    refused = fmo("deploy", "--env", "dev")
    assert refused.code == 2
    assert "nobody can be asked here. Add --yes to go on." in refused.err
    assert session.client("cloudformation").describe_stacks()["Stacks"] == []


def test_what_is_not_agreed_to_leaves_no_change_set(fmo: Fmo, session: boto3.Session) -> None:
    fmo("deploy", "--env", "dev", "--yes")
    fmo.add("    infra: {parameters: {NoncurrentVersionDays: 30}}\n")
    refused = fmo("deploy", "--env", "dev")
    assert refused.code == 2
    assert re.search(r"storage +modify +Bucket", refused.out)
    client = session.client("cloudformation")
    assert client.list_change_sets(StackName="fmo-dev-storage")["Summaries"] == []


def test_a_parameter_that_no_template_has_is_refused_with_a_guess(fmo: Fmo) -> None:
    fmo.add("    infra: {parameters: {BuckedName: acme}}\n")
    refused = fmo("deploy", "--env", "dev", "--yes")
    assert refused.code == 2
    expected = (
        "environments.dev.infra.parameters.BuckedName: no template has a parameter 'BuckedName'. "
        "Did you mean 'BucketName'?"
    )
    assert expected in refused.err


def test_a_part_that_does_not_exist_is_refused(fmo: Fmo) -> None:
    fmo.add("    infra: {parts: [brigde]}\n")
    refused = fmo("diff", "--env", "dev")
    assert refused.code == 2
    assert "environments.dev.infra.parts" in refused.err
    assert "bridge" in refused.err


def test_a_template_is_printed_as_it_is(fmo: Fmo) -> None:
    printed = fmo("template", "storage")
    assert printed.out.startswith('AWSTemplateFormatVersion: "2010-09-09"')
    assert fmo("template", "storage", "--json").document["template"] == printed.out
