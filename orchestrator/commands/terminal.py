"""Where a command writes: one JSON document or tables on stdout, news for people on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from rich.console import Console, RenderableType

    from orchestrator.errors import FmoError, Problem
    from orchestrator.results.model import Json

JSON_INDENT = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


@dataclass(frozen=True)
class Failure:
    """What went wrong, as it is told: a code, an exit code, and every problem."""

    code: str
    exit_code: int
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, error: FmoError) -> Failure:
        """Return what `error` says."""
        from orchestrator.errors import InputError, PreflightError, Problem

        if isinstance(error, InputError | PreflightError):
            return cls(error.code, error.exit_code, error.problems)
        return cls(error.code, error.exit_code, (Problem("", str(error).rstrip(".")),))

    def to_json(self) -> dict[str, Json]:
        """Return the document that `--json` prints in place of a result."""
        problems: list[Json] = [
            {
                "where": problem.where,
                "what": problem.what,
                "fix": problem.fix,
                "file": str(problem.file) if problem.file else None,
                "line": problem.line,
            }
            for problem in self.problems
        ]
        return {"error": {"code": self.code, "exit_code": self.exit_code, "problems": problems}}


class Output:
    """The two streams of a command, and whether stdout is for a program."""

    def __init__(
        self, *, as_json: bool, stdout: TextIO | None = None, stderr: TextIO | None = None
    ) -> None:
        self.as_json = as_json
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr

    @cached_property
    def people(self) -> Console:
        """Progress, warnings and errors; with `--json`, everything that people read."""
        return _console(self._stderr)

    @cached_property
    def results(self) -> Console:
        """Where a command's result is shown to people: stdout, unless it is for a program."""
        return self.people if self.as_json else _console(self._stdout)

    def document(self, value: Json) -> None:
        """Print the one JSON document, if a program asked for it."""
        if self.as_json:
            text = json.dumps(finite(value), indent=JSON_INDENT, ensure_ascii=False)
            self.write(text + "\n")

    def write(self, text: str) -> None:
        """Print `text` on stdout as it is."""
        self._stdout.write(text)
        self._stdout.flush()

    def show(self, *parts: RenderableType) -> None:
        """Show a result to people."""
        from rich.table import Table

        for part in parts:
            # A table is made to fit; a line of text is the terminal's to break.
            self.results.print(part, soft_wrap=not isinstance(part, Table))

    def say(self, text: str, style: str = "") -> None:
        """Say something beside the result: no markup, no wrapping inside words or paths."""
        from rich.text import Text

        self.people.print(Text(text, style=style), soft_wrap=True)

    def warn(self, problems: Iterable[Problem]) -> None:
        """Print warnings, one a line."""
        for problem in problems:
            self._problem("warning", "yellow", problem)

    def fail(self, failure: Failure) -> None:
        """Print every problem, or the error's document."""
        for problem in failure.problems:
            self._problem(failure.code, "bold red", problem)
        self.document(failure.to_json())

    def _problem(self, label: str, style: str, problem: Problem) -> None:
        from rich.text import Text

        place = str(problem.file) if problem.file else ""
        place += f":{problem.line}" if problem.file and problem.line else ""
        text = Text(label, style=style).append(" ", style="none")
        for part in (place, problem.where):
            text.append(f"{part}: " if part else "", style="bold")
        text.append(f"{problem.what}.", style="none")
        text.append(f" {problem.fix}" if problem.fix else "", style="green")
        self.people.print(text, soft_wrap=True)


def finite(value: Json) -> Json:
    """Return `value` with null for every number that JSON cannot write, such as a nan loss."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [finite(member) for member in value]
    return value


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    class PatientConsole(Console):
        """A console whose reader may leave: the run goes on without it."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

    return PatientConsole(file=stream, highlight=False, emoji=False, markup=False)
