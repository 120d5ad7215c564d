"""Problems and warnings as they are found, each with the line that it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.errors import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from pathlib import Path


SET_FROM_OUTSIDE = 0
"""The line of a value that `--set` gave: it stands in no file."""
INCLUDED = "include"
"""The layer of a value that an included file gave."""


def join_path(path: str, key: str | int) -> str:
    """Return the path of `key` under `path`: `steps.exam`, `conditions[0]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def line_of(lines: Mapping[str, int], path: str) -> int | None:
    """Return the line of `path`, or of the nearest path above it that has one."""
    while path:
        if path in lines:
            return lines[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get("")


class Origin(NamedTuple):
    """Where a value stands that a spec has from another file: a layer of defaults, an include."""

    file: Path
    path: str
    """In that file: `defaults.train.learning_rate`."""
    line: int | None
    layer: str
    """The part of the file: `defaults`, `environments.prod.defaults`; `include` for a spec."""


def origin_of(origins: Mapping[str, Origin], path: str) -> Origin | None:
    """Return where the value at `path` of a spec came from; None if from the spec itself."""
    while path:
        if path in origins:
            return origins[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


@dataclass
class Findings:
    """Everything wrong or doubtful in one spec."""

    file: Path | None
    lines: MutableMapping[str, int]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Path to where its value stands, if another file gave it."""

    def refuse(self, where: str, what: str, fix: str = "") -> None:
        """Add a problem at the path `where`."""
        self.problems.append(self._locate(where, what, fix))

    def warn(self, where: str, what: str, fix: str = "") -> None:
        """Add a warning at the path `where`."""
        self.warnings.append(self._locate(where, what, fix))

    def raise_problems(self) -> None:
        """Raise all problems in the order of their lines, if there are any.

        Raises:
            SpecError: If a problem was added.
        """
        if self.problems:
            raise SpecError(self.in_order())

    def in_order(self) -> list[Problem]:
        """Return each problem once, in the order of their lines."""
        return sorted(dict.fromkeys(self.problems), key=lambda problem: problem.line or 0)

    def place_of(self, where: str) -> tuple[Path | None, int | None]:
        """Return the file and the line that say `where`, or what it stands in."""
        problem = self._locate(where, "", "")
        return problem.file, problem.line

    def mark_as_set(self, path: str) -> None:
        """Say that the value at `path` stands in no file."""
        for below in [other for other in self.lines if other.startswith((f"{path}.", f"{path}["))]:
            del self.lines[below]
        self.lines[path] = SET_FROM_OUTSIDE

    def _locate(self, where: str, what: str, fix: str) -> Problem:
        if where.startswith("--set"):
            return Problem(where=where, what=what, fix=fix)
        line = line_of(self.lines, where)
        if line == SET_FROM_OUTSIDE:
            return Problem(where=f"--set {where}", what=what, fix=fix)
        origin = origin_of(self.origins, where)
        if origin is not None:
            place = where if origin.path == where else f"{where} ({origin.path})"
            return Problem(where=place, what=what, fix=fix, file=origin.file, line=origin.line)
        return Problem(where=where, what=what, fix=fix, file=self.file, line=line)
