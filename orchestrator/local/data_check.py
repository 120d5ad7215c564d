"""What is in a user's data, said by a process that has the readers of the dataset step."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import DataError, Problem
from orchestrator.local.script import run_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from subprocess import CompletedProcess

ROOT = Path(__file__).parents[2]
"""Where `training_scripts` lies, in a checkout as in an installation."""
MODULE = "training_scripts.check_data"
# -P: a folder with a `tokenize.py` or `random.py` must not come before Python's own.
PYTHON = (sys.executable, "-P", "-m")
_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<said>.*)", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[^.]\.) (?=[A-Z`])")


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


def check_data(check: Check, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what was found, as the script's document has it.

    Args:
        check: What to look at.
        environ: The caller's environment.

    Raises:
        DataError: If the data cannot be read at all, or not written as asked.
    """
    return {"path": str(check.data), **document_of(MODULE, _arguments(check), check.data, environ)}


def document_of(
    module: str, arguments: Iterable[str], data: Path, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return the document that a module of the training scripts prints about `data`.

    Raises:
        DataError: If it prints an error, or none at all.
    """
    paths = [str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]
    variables = {**environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = run_script([*PYTHON, module, *arguments, "--", str(data)], variables)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise DataError(_death(data, done)) from error
    if "error" in document:
        raise DataError(map(problem_of, document["error"].splitlines()))
    return document


def problem_of(line: str) -> Problem:
    """Return one line of the script's, `file:line: what. What to do instead.`, as a problem."""
    found = _PLACED.match(line)
    said = found["said"] if found else line
    what, *fix = _SENTENCE.split(said, maxsplit=1)
    if found is None:
        return Problem("", what.rstrip("."), "".join(fix))
    return Problem("", what.rstrip("."), "".join(fix), Path(found["file"]), int(found["line"]))


def _death(data: Path, done: CompletedProcess[str]) -> Problem:
    if done.returncode == -signal.SIGKILL:
        what = "the check was killed, as the system does when memory runs out"
        return Problem(str(data), what, "Close other programs, or check a part of the rows.")
    said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    fix = "This is a bug of fmo: report it with a row that shows it."
    return Problem(str(data), f"the check broke off: {said[-1].rstrip('.')}", fix)


def _arguments(check: Check) -> Iterator[str]:
    for name, path in (("model", check.model), ("fix", check.fix)):
        if path is not None:
            yield f"--{name}={path}"
    if check.max_rows is not None:
        yield f"--max-rows={check.max_rows}"
    if check.target is not None:
        yield f"--to={check.target}"
    yield f"--max-length={check.max_length}"
