"""Every error of `fmo`, as a tree, each with a stable code and the exit code it leads to.

FmoError
├── InputError               FMO100  exit 2  the input is wrong; nothing was started
│   ├── SpecError            FMO110          the spec (or fmo.yaml) does not say what it must
│   ├── DefinitionError      FMO120          a pipeline definition JSON is not valid
│   ├── DataError            FMO130          a data file is missing or malformed
│   └── UnsupportedError     FMO140          this backend cannot run something the definition names
├── RunError                 FMO200  exit 1  an execution ended without success
│   ├── StepFailedError      FMO210          a step's job failed
│   ├── GateFailedError      FMO220          a gate said no
│   └── ExecutionStoppedError FMO230         somebody stopped the execution
├── StoreError               FMO300  exit 2  the local store cannot be used
│   ├── KeyOutsideStoreError FMO310          a key tries to leave its bucket
│   ├── StoreBusyError       FMO320          another process works in this store
│   ├── JournalVersionError  FMO330          the journal was written by a newer fmo
│   └── DiskFullError        FMO340          no space left; retry after freeing some
└── AwsError                 FMO400  exit 3  AWS refused or could not be reached
    ├── CredentialsError     FMO410          no credentials, or they are not valid any more
    ├── AccessDeniedError    FMO420          the credentials may not do this
    ├── ThrottledError       FMO430          too many requests, even after waiting; retry later
    ├── UnavailableError     FMO440          AWS failed or could not be reached; retry later
    ├── NotFoundError        FMO450          there is no such thing in this account and region
    ├── RegionError          FMO460          no region, or another than the environment's
    └── PreflightError       FMO470          the account lacks something that the pipeline needs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what was found, and what to write instead."""

    where: str
    """A dotted path such as `steps.sft.data`, or the name of a thing."""
    what: str
    """What is wrong, with the value found; no full stop at the end."""
    fix: str = ""
    """What to write instead, as a sentence with its full stop; empty if unknown."""
    file: Path | None = None
    line: int | None = None
    """1-based line in `file`."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        if self.file and not self.line:
            place = f"{self.file}: "
        where = f"{self.where}: " if self.where else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{place}{where}{self.what}.{fix}"


class FmoError(Exception):
    """The root of all errors that `fmo` raises on purpose."""

    code: ClassVar[str] = "FMO000"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        """Whether the same call may succeed later with nothing changed."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows (IPython asks for it): our texts say all, frames nothing."""
        return [f"{self.code} {line}" for line in str(self).splitlines()]


class InputError(FmoError):
    """The input is wrong; nothing was started. Carries every problem found, not the first."""

    code = "FMO100"

    def __init__(self, problems: Iterable[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = [Problem(where="", what=problems.rstrip("."))]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SpecError(InputError):
    """The spec does not say what it must."""

    code = "FMO110"


class DefinitionError(InputError):
    """A pipeline definition JSON is not valid."""

    code = "FMO120"


class DataError(InputError):
    """A data file is missing or malformed."""

    code = "FMO130"


class UnsupportedError(InputError):
    """This backend cannot run something that the definition names."""

    code = "FMO140"


class RunError(FmoError):
    """An execution ended without success."""

    code = "FMO200"
    exit_code = 1


class StepFailedError(RunError):
    """A step's job failed."""

    code = "FMO210"


class GateFailedError(RunError):
    """A gate said no."""

    code = "FMO220"


class ExecutionStoppedError(RunError):
    """Somebody stopped the execution."""

    code = "FMO230"


class StoreError(FmoError):
    """The local store cannot be used."""

    code = "FMO300"


class KeyOutsideStoreError(StoreError):
    """A key tries to leave its bucket."""

    code = "FMO310"


class StoreBusyError(StoreError):
    """Another process works in this store."""

    code = "FMO320"


class JournalVersionError(StoreError):
    """The journal was written by a newer `fmo`."""

    code = "FMO330"


class DiskFullError(StoreError):
    """No space is left on the device."""

    code = "FMO340"


class AwsError(FmoError):
    """AWS refused or could not be reached."""

    code = "FMO400"
    exit_code = 3


class CredentialsError(AwsError):
    """There are no credentials, they are not valid any more, or they are another account's."""

    code = "FMO410"


class AccessDeniedError(AwsError):
    """The credentials may not do this."""

    code = "FMO420"


class ThrottledError(AwsError):
    """Too many requests, even after waiting."""

    code = "FMO430"


class UnavailableError(AwsError):
    """AWS failed or could not be reached."""

    code = "FMO440"


class NotFoundError(AwsError):
    """There is no such thing in this account and region."""

    code = "FMO450"


class RegionError(AwsError):
    """There is no region, or something is in another than it has to be."""

    code = "FMO460"


class PreflightError(AwsError):
    """The account lacks something that the pipeline needs. Carries every problem found."""

    code = "FMO470"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
