"""What is in a user's data, said by a process that has the readers of the dataset step."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MODULE = "training_scripts.check_data"
ROOT = Path(__file__).parents[2]
"""Where `training_scripts` lies, in a checkout as in an installation."""


@dataclass(frozen=True)
class Check:
    """What to look at, and what to do beside."""

    data: Path
    model: Path | None = None
    """A folder with a tokenizer, to count tokens."""
    max_length: int = 1024
    max_rows: int | None = None
    """Rows that are looked at; all of them if None."""
    fix: Path | None = None
    """Where to write the rows in another format."""
    target: str | None = None
    """That format; the nearest if None."""


def check_data(check: Check, *, python: str = sys.executable) -> dict[str, Any]:
    """Return what was found, as the script's document has it.

    Raises:
        DataError: If the data cannot be read at all, or not written as asked.
    """
    return {"path": str(check.data), **document_of(MODULE, _arguments(check), check.data, python)}


def document_of(
    module: str, arguments: Iterable[str], data: Path, python: str = sys.executable
) -> dict[str, Any]:
    """Return the document that a module of the training scripts prints about `data`.

    Raises:
        DataError: If it prints an error, or none at all.
    """
    command = [python, "-m", module, *arguments, "--", str(data.absolute())]
    # Started where the package lies, so that no folder of the user's can stand in for it.
    done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        what = f"the check ended with exit status {done.returncode}"
        raise DataError(Problem(str(data), what, "See what it said above.")) from error
    if "error" in document:
        lines = document["error"].splitlines()
        raise DataError(map(problem_of, lines))
    return document


def problem_of(line: str) -> Problem:
    """Return one line of the script's as a problem."""
    what, asks, guess = line.partition(" Did you mean")
    return Problem("", what.rstrip("."), f"{asks}{guess}".strip())


def _arguments(check: Check) -> Iterator[str]:
    for name, path in (("model", check.model), ("fix", check.fix)):
        if path is not None:
            yield f"--{name}={path.absolute()}"
    if check.max_rows is not None:
        yield f"--max-rows={check.max_rows}"
    if check.target is not None:
        yield f"--to={check.target}"
    yield f"--max-length={check.max_length}"
