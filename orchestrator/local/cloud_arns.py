"""The executions on AWS that were started from here: their ARNs, in a file of the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.local.home import Home


def remember_arn(arn: str, home: Home) -> None:
    """Note down an execution that was started from here."""
    home.make()
    with _file(home).open("a", encoding="utf-8") as file:
        file.write(f"{arn}\n")


def remembered_arns(home: Home) -> list[str]:
    """Return the executions that were started from here, the last one last."""
    file = _file(home)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _file(home: Home) -> Path:
    return home.root / "aws-executions.txt"
