"""A command run to its end: its output passed on and read, SIGTERM forwarded.

Standard library only: `launch.py` reads it in any image.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TAIL_LINES = 400
_LINE_BYTES = 65_536
"""Bounded reads: a progress bar may write megabytes without an end of line."""


@dataclass(frozen=True)
class Surroundings:
    """What a command runs in."""

    environment: Mapping[str, str]
    """All its variables."""
    folder: Path
    hide: Callable[[bytes], bytes] | None = None
    """Returns a line without the secrets in it; None if there are none."""

    def hidden(self, text: str) -> str:
        """Return `text` without the secrets in it."""
        return text if self.hide is None else self.hide(text.encode()).decode()


@dataclass
class Ended:
    """How a command ended."""

    exit_code: int = 0
    """As subprocess counts: minus the number of the signal that ended it."""
    was_stopped: bool = False
    """Whether it was told to stop; it may have exited with 0 all the same."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))
    """The last lines of its errors."""


def run(
    command: Sequence[str], around: Surroundings, read: Callable[[str], None] | None = None
) -> Ended:
    """Run a command to its end, forwarding SIGTERM; return how it ended.

    The command has as long to save its state as SageMaker gives it: 120 seconds from SIGTERM
    (CreateTrainingJob, StoppingCondition).

    Args:
        command: Program and arguments.
        around: Its variables and its folder.
        read: Takes every line of its output and its errors, from two threads.
    """
    ended = Ended()
    process = subprocess.Popen(  # noqa: S603
        command,
        env=dict(around.environment),
        cwd=around.folder,
        stdout=subprocess.PIPE if read or around.hide else None,
        stderr=subprocess.PIPE,
    )
    previous = signal.signal(signal.SIGTERM, lambda number, _: _forward(process, number, ended))
    threads = [
        threading.Thread(target=_pass_on, args=(source, target, around.hide, takers), daemon=True)
        for source, target, takers in (
            (process.stdout, sys.stdout.buffer, [read]),
            (process.stderr, sys.stderr.buffer, [read, ended.tail.append]),
        )
    ]
    for thread in threads:
        thread.start()
    try:
        ended.exit_code = process.wait()
    finally:
        signal.signal(signal.SIGTERM, previous)
    for thread in threads:
        # A grandchild may hold the pipe open for ever.
        thread.join(timeout=5)
    return ended


def _forward(process: subprocess.Popen[bytes], number: int, ended: Ended) -> None:
    print("launch.py: stopping, the script may save its state", flush=True)
    ended.was_stopped = True
    signal.signal(number, signal.SIG_IGN)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), number)
    else:
        process.send_signal(number)


def _pass_on(
    source: IO[bytes] | None,
    target: BinaryIO,
    hide: Callable[[bytes], bytes] | None,
    takers: Sequence[Callable[[str], None] | None],
) -> None:
    if source is None:
        return
    while read := source.readline(_LINE_BYTES):
        line = hide(read) if hide else read
        target.write(line)
        target.flush()
        for take in filter(None, takers):
            take(line.decode("utf-8", "replace").rstrip())
