"""Executions on AWS as commands name them: by ARN, or as one that was started from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.clients import connect
from orchestrator.aws.executions import region_of
from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.local.home import Home

LAST = "last"


def remember(arn: str, home: Home) -> None:
    """Note down an execution that was started from here."""
    home.make()
    with _file(home).open("a", encoding="utf-8") as file:
        file.write(f"{arn}\n")


def find_arn(text: str, home: Home) -> str:
    """Return the ARN that `text` means: itself, `last`, or an id or the start of one.

    Raises:
        InputError: If none that was started from here fits, or more than one does.
    """
    if text.startswith("arn:"):
        region_of(text)
        return text
    file = _file(home)
    arns = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if not arns:
        what = f"no execution on AWS was started from {home.root}"
        raise InputError(Problem("", what, "Give its ARN, or start one with `fmo start FILE`."))
    if text == LAST:
        return arns[-1]
    found = [arn for arn in arns if arn.rpartition("/")[2].startswith(text)]
    if len(found) == 1:
        return found[0]
    what = f"'{text}' fits {len(found) or 'none'} of the executions started from {home.root}"
    raise InputError(Problem("", what, "Give more of the id, or the ARN."))


def find_execution(text: str, home: Home) -> tuple[str, Aws]:
    """Return the ARN that `text` means, and where it runs."""
    arn = find_arn(text, home)
    return arn, connect(region_of(arn))


def _file(home: Home) -> Path:
    return home.root / "aws-executions.txt"
