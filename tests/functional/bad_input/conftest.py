"""An empty folder, and `fmo` as a process in it, whose words are searched for Python's noise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli.conftest import Fmo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cli.conftest import Ended

NOISE = re.compile(
    r'Traceback|^ +File "|<class |<function |<frozen | object at 0x|\[Errno|PosixPath|pydantic'
    r"|ruamel|botocore\.|NoneType|\bFMO000\b|\\x1b|\\n",
    re.MULTILINE,
)
"""What no user of a command line should ever read."""


@dataclass(frozen=True)
class Checked(Fmo):
    """`fmo`, which may fail but not in Python's words."""

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        done = super().__call__(*arguments, **environment)
        found = NOISE.search(done.stderr) or NOISE.search(
            done.stdout if "--json" not in arguments else ""
        )
        assert found is None, f"{found}\n{done.stderr}"
        assert repeated(done.stderr) == []
        return done


def repeated(text: str) -> list[str]:
    """Return the lines with an error or a warning that stand in `text` more than once."""
    lines = [line for line in text.splitlines() if line.startswith(("FMO", "warning"))]
    return sorted({line for line in lines if lines.count(line) > 1})


@pytest.fixture
def fmo(tmp_path: Path) -> Checked:
    return Checked(tmp_path)
