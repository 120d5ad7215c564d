"""A job's process: started under a supervisor, read, stopped, and how it ended."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Protocol, cast

from orchestrator.local import supervise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL; SageMaker gives a training job 120 seconds."""
NO_LIMIT_SECONDS = 28 * 86400.0
_CHUNK_BYTES = 1 << 16
EXIT_FILE = "exit.json"
_SUPERVISOR = (sys.executable, "-I", "-S", supervise.__file__)


@dataclass(frozen=True)
class Command:
    """What to start."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """The working folder."""
    job_root: Path
    """The job's folder, laid out like /opt/ml."""
    limit_seconds: float = NO_LIMIT_SECONDS
    grace_seconds: float = GRACE_SECONDS
    as_opt_ml: bool = True
    """Whether `job_root` appears as /opt/ml."""
    locks: tuple[int, ...] = ()
    """Descriptors that stay open as long as the job runs; the first is the execution's lock."""


@dataclass(frozen=True)
class Exit:
    """How a process ended."""

    exit_code: int
    signal: int = 0
    """The signal that ended it, 0 if none did."""
    reason: Literal["", "stopped", "timeout", "lost"] = ""
    """Why `fmo` ended it; `lost` if its supervisor died."""

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself, without complaint."""
        return not (self.exit_code or self.signal or self.reason)


class Stopper(Protocol):
    """Lets somebody else end a running process."""

    def add(self, end: Callable[[], None]) -> None:
        """Call `end` when everything has to stop; at once if that is so already."""

    def remove(self, end: Callable[[], None]) -> None:
        """Forget `end`."""


def run_process(
    command: Command, exit_file: Path, read: Callable[[bytes], None], stopper: Stopper
) -> Exit:
    """Run `command` to its end, handing its output to `read` chunk by chunk.

    Raises:
        OSError: If no process can be started.
    """
    process = subprocess.Popen(
        [*_SUPERVISOR, *_supervisor_arguments(command, exit_file), *command.arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=command.folder,
        env=dict(command.environment),
        pass_fds=command.locks,
        # Ctrl-C in a terminal goes to the whole foreground group; the job is told by us alone.
        start_new_session=True,
        bufsize=0,
    )
    end = functools.partial(_tell_to_stop, process)
    with process:
        stopper.add(end)
        try:
            _pump(process, read)
        finally:
            stopper.remove(end)
            if process.stdin:
                process.stdin.close()
    return read_exit(exit_file) or _exit_without_file(process.returncode)


def _exit_without_file(code: int) -> Exit:
    if code < 0:
        return Exit(exit_code=code, reason="lost")
    return Exit(0, signal=code - 128) if code > 128 else Exit(code)


def read_exit(exit_file: Path) -> Exit | None:
    """Return how a process ended by itself or was ended; None if `fmo` died before."""
    try:
        return Exit(**json.loads(exit_file.read_text()))
    except FileNotFoundError:
        return None


@functools.cache
def can_show_as_opt_ml() -> bool:
    """Return whether this system lets a job see its folder as /opt/ml."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "ml")
        root.mkdir()
        command = Command(
            [sys.executable, "-I", "-S", "-c", "open('/opt/ml/here', 'x')"],
            environment={},
            folder=root,
            job_root=root,
            limit_seconds=30,
        )
        ended = run_process(command, Path(folder, EXIT_FILE), lambda _: None, _NeverStopped())
        return ended.succeeded and (root / "here").is_file()


class _NeverStopped:
    def add(self, end: Callable[[], None]) -> None:
        """Nobody stops it."""

    def remove(self, end: Callable[[], None]) -> None:
        """Nobody stops it."""


def _supervisor_arguments(command: Command, exit_file: Path) -> list[str]:
    return [
        str(command.job_root) if command.as_opt_ml else "",
        str(command.limit_seconds),
        str(command.grace_seconds),
        str(exit_file),
        ",".join(str(lock) for lock in command.locks),
    ]


def _pump(process: subprocess.Popen[bytes], read: Callable[[bytes], None]) -> None:
    stdout = cast("IO[bytes]", process.stdout)
    while chunk := stdout.read(_CHUNK_BYTES):
        read(chunk)
    process.wait()


_telling = threading.Lock()


def _tell_to_stop(process: subprocess.Popen[bytes]) -> None:
    with _telling:
        try:
            if process.stdin and not process.stdin.closed:
                process.stdin.write(b"s")
        except OSError:
            return
