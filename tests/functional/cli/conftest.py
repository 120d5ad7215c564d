"""A small spec with its script and data, and `fmo` as a process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws.account import SERVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "commands" / "example"
"""The spec that the pages of the commands show."""

VOLATILE = (
    (re.compile(r"(?<=execution[ /])[0-9a-z]{12}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d+(\.\d)? s\b"), "TIME"),
    (re.compile(r"\b[\d,]+ files, [\d,]+ bytes"), "FILES"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "DATE"),
    (re.compile(r"─+|\s+"), " "),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails if there is anything beside it."""
        assert self.stdout, self.stderr
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Fmo:
    """`fmo`, started in a folder of its own."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of its environment, beside the tests' own."""

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def typed(self, line: str) -> str:
        """Return what a terminal of 80 columns shows after `fmo LINE`, settled."""
        done = subprocess.run(
            ["bash", "-c", f"{shlex.quote(sys.executable)} -m orchestrator {line}"],
            cwd=self.folder, env=self.environment(COLUMNS="80"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return self.settled(done.stdout.decode())

    def settled(self, text: str) -> str:
        """Return `text` without ids, times, the folder and the widths that follow from them."""
        text = text.replace(str(self.folder), "/home/me")
        for pattern, name in VOLATILE:
            text = pattern.sub(name, text)
        return text.strip()

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FMO_")}
        return kept | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8", **self.variables} | more


@pytest.fixture
def fmo(tmp_path: Path) -> Fmo:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    return Fmo(tmp_path)


@pytest.fixture
def account(fmo: Fmo) -> Iterator[Fmo]:
    """`fmo` with credentials of an account of AWS, which is a server on this machine."""
    with _account(fmo) as found:
        yield found


@pytest.fixture
def running_account(fmo: Fmo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fmo]:
    """As `account`, with executions that do what their definition says."""
    with _account(fmo, str(tmp_path_factory.mktemp("engine"))) as found:
        yield found


@contextlib.contextmanager
def _account(fmo: Fmo, *arguments: str) -> Iterator[Fmo]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.functional.aws_server", *arguments],
        cwd=ROOT, env=os.environ | {"MOTO_ACCOUNT_ID": SERVED}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield Fmo(fmo.folder, variables)
        server.stdin.close()
