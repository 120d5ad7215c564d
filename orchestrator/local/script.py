"""A script of ours, run to its end; Ctrl-C ends it together with the command that wanted it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GRACE_SECONDS = 5.0
"""Between SIGTERM, at which a script removes its temporary files, and SIGKILL."""


def run_script(
    command: Sequence[str], environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return how `command` ended and what it said on stdout and stderr.

    Args:
        command: The program and its arguments.
        environ: Its environment; this process's own if None.
    """
    process: subprocess.Popen[str] | None = None
    try:
        with _interrupts_blocked():
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        stdout, stderr = process.communicate()
    except BaseException:
        if process is not None:
            # A second Ctrl-C must not keep the script from tidying up.
            with _interrupts_blocked():
                _end(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Put SIGINT off; a child that is started meanwhile keeps it blocked.

    A terminal sends Ctrl-C to every process in front. The child, which may still be importing,
    would print a traceback; it is told by SIGTERM instead.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=GRACE_SECONDS)
    finally:
        process.kill()
        process.wait()
