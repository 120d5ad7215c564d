"""`fmo` in a terminal of its own, and somebody who presses Ctrl-C until it is heard."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PATIENCE_SECONDS = 60
READY = "ready\r\n"
PROGRAM = """
import signal
from orchestrator.__main__ import main
signal.signal(signal.SIGINT, lambda *_: None)
print("ready", flush=True)
main()
"""
"""`fmo`, which first says that Python has started: until then nobody can answer Ctrl-C well."""
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
PRESS_EVERY_SECONDS = 0.3


@dataclass
class Terminal:
    """A process, and what it has shown so far."""

    process: int
    screen: int
    shown: str = ""
    status: int | None = field(default=None)

    def wait_for(self, wanted: str | Callable[[], bool]) -> None:
        """Wait until the terminal shows a text, or something is true."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (wanted in self.shown if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < give_up, self.shown
            assert self._is_running(), self.shown
            self._look(0.05)

    def interrupt(self) -> int:
        """Press Ctrl-C until the process has ended; return its exit code.

        Python loses one that comes between a prompt and the wait for it.
        """
        give_up = time.monotonic() + PATIENCE_SECONDS
        while self._is_running():
            assert time.monotonic() < give_up, self.shown
            with contextlib.suppress(OSError):
                os.write(self.screen, b"\x03")
            pressed = time.monotonic()
            while self._is_running() and time.monotonic() < pressed + PRESS_EVERY_SECONDS:
                self._look(0.05)
        self._look(0)
        assert self.status is not None
        return os.waitstatus_to_exitcode(self.status)

    def lines(self) -> list[str]:
        """Return what was shown, without colours, the echo of Ctrl-C and empty lines."""
        text = STYLE.sub("", self.shown).replace("^C", "").replace("\r", "\n")
        return [line for line in text.split("\n") if line.strip()]

    def _is_running(self) -> bool:
        if self.status is None:
            ended, status = os.waitpid(self.process, os.WNOHANG)
            self.status = status if ended else None
        return self.status is None

    def _look(self, seconds: float) -> None:
        while select.select([self.screen], [], [], seconds)[0]:
            try:
                read = os.read(self.screen, 65536)
            except OSError:  # Linux's way to say that the other side is closed.
                return
            if not read:
                return
            self.shown += read.decode("utf-8", "replace")
            seconds = 0


@contextlib.contextmanager
def terminal(folder: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[Terminal]:
    """Start `fmo` with `arguments` in `folder`, in front of a terminal of its own."""
    process, screen = pty.fork()
    if process == 0:
        os.chdir(folder)
        command = [sys.executable, "-c", PROGRAM, *arguments]
        os.execve(sys.executable, command, dict(environ))  # noqa: S606 - no shell
    started = Terminal(process, screen)
    try:
        started.wait_for(READY)
        started.shown = ""
        yield started
    finally:
        if started.status is None:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        os.close(screen)


def processes_naming(text: str) -> list[str]:
    """Return the command lines that hold `text`, of processes that run once those ending have."""
    give_up = time.monotonic() + 10
    while (found := _commands(text)) and time.monotonic() < give_up:
        time.sleep(0.05)
    return found


def _commands(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in command:
                found.append(command)
    return found
