"""Where the local backend keeps everything: the folders under `FMO_HOME`."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StoreError
from orchestrator.local.files import naming_full_disks

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_HOME = Path(".fmo")
"""Unless `FMO_HOME` or the caller says otherwise."""


@dataclass(frozen=True)
class Home:
    """The folder `.fmo/`, by parts. Nothing is created until it is needed."""

    root: Path

    def make(self) -> None:
        """Make the folder, for its owner's eyes only and ignored by git, unless it is there.

        Raises:
            StoreError: If it cannot be made, or not be written.
        """
        with self._naming_refusals():
            if self.is_there():
                return
            with naming_full_disks(self.root):
                self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
                (self.root / ".gitignore").write_text("*\n")

    def is_there(self) -> bool:
        """Return whether there is such a folder, and it can be used.

        Raises:
            StoreError: If a file has its name, or it may not be read or written.
        """
        with self._naming_refusals():
            if not self.root.exists():
                return False
            if not self.root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder")
            if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "this user may not read and write it")
            return True

    @contextlib.contextmanager
    def _naming_refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"{self.root}: {reason}. Let FMO_HOME or --home name a folder of yours."
            raise StoreError(message) from error

    @property
    def store(self) -> Path:
        """The root of the store: one folder for each bucket."""
        return self.root / "s3"

    @property
    def journal(self) -> Path:
        """The SQLite file that says what happened."""
        return self.root / "journal.db"

    @property
    def executions(self) -> Path:
        """One folder for each execution, with one for each attempt of each step."""
        return self.root / "executions"

    @property
    def checkpoints(self) -> Path:
        """What `CheckpointConfig` names, kept from one attempt to the next."""
        return self.root / "checkpoints"

    @property
    def data(self) -> Path:
        """Tables that a program gave as data: a folder for each, named by the hash of its rows."""
        return self.root / "data"

    @property
    def envs(self) -> Path:
        """Python environments for pinned requirements, by content hash."""
        return self.root / "envs"

    @property
    def tracking(self) -> Path:
        """Runs that trackers keep on this machine: `mlruns/`, `wandb/`."""
        return self.root / "tracking"

    @property
    def lambdas(self) -> Path:
        """Handlers of Lambda steps: `NAME.py` with a function `handler(event, context)`."""
        return self.root / "lambda"

    def execution(self, execution_id: str) -> Path:
        """Return the folder of one execution."""
        return self.executions / execution_id

    def lock(self, execution_id: str) -> Path:
        """Return the file that whoever runs an execution locks."""
        return self.execution(execution_id) / ".lock"

    def attempt(self, execution_id: str, step: str, attempt: int) -> Path:
        """Return the folder of one attempt of a step; `attempt` counts from 1."""
        return self.execution(execution_id) / step / str(attempt)
