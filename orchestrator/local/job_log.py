"""A job's output: kept up to a limit, split into lines, its progress read."""

from __future__ import annotations

import contextlib
import errno
import math
import re
from collections import deque
from typing import TYPE_CHECKING

from orchestrator.local.job_secrets import Redactor
from orchestrator.results.events import StepLog, StepProgress
from orchestrator.results.progress_line import read_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from io import FileIO
    from pathlib import Path

    from orchestrator.local.clock import Clock
    from orchestrator.results.events import Event

LIMIT_BYTES = 8 * 2**20
"""What is kept of a log's beginning."""
TAIL_BYTES = 256 * 2**10
"""What is kept of a longer log's end."""
_LINE_BYTES = 16 * 2**10
"""Where a line without an end is cut."""
_TAIL_LINES = 40
_LINES_TOLD = 5000
"""A listener hears of no more lines of one job: the log has them."""
NO_METRICS: Mapping[str, str] = {}


class JobLog:
    """Writes a job's output to a file and tells a listener about it."""

    def __init__(
        self,
        file: FileIO,
        step: str,
        tell: Callable[[Event], None],
        clock: Clock,
        metric_definitions: Mapping[str, str] = NO_METRICS,
        redactor: Redactor | None = None,
    ):
        self._file = file
        self._step = step
        self._tell = tell
        self._clock = clock
        self._redactor = redactor or Redactor(())
        self._written = 0
        self._left_out = 0
        self._end: deque[bytes] = deque()
        self._end_bytes = 0
        self._partial = b""
        self._lines = 0
        self._metrics = _compiled(metric_definitions)
        self._reports = 0
        self.last_lines: deque[str] = deque(maxlen=_TAIL_LINES)
        """The end of the log, progress lines left out."""

    def read(self, chunk: bytes) -> None:
        """Take the next bytes of the output."""
        self._take(self._redactor.feed(chunk))

    def _take(self, chunk: bytes) -> None:
        self._keep(chunk)
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        if len(self._partial) > _LINE_BYTES:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            self._line(line)

    def redacted(self, text: str) -> str:
        """Return a whole text as the log would show it: without the job's secrets."""
        return self._redactor.text(text)

    def close(self) -> None:
        """Write what is still held back."""
        self._take(self._redactor.close())
        if self._partial:
            self._line(self._partial)
        if self._left_out:
            skipped = self._left_out / 2**20
            note = f"\n[fmo: {skipped:.1f} MiB of output left out; a log is kept up to "
            note += f"{LIMIT_BYTES / 2**20:.0f} MiB]\n"
            self._write(note.encode())
        self._write(b"".join(self._end))

    def _keep(self, chunk: bytes) -> None:
        room = max(LIMIT_BYTES - self._written, 0)
        if room:
            self._write(chunk[:room])
            self._written += len(chunk[:room])
        if rest := chunk[room:]:
            self._end.append(rest)
            self._end_bytes += len(rest)
        while self._end_bytes - len(self._end[0] if self._end else b"") > TAIL_BYTES:
            dropped = len(self._end.popleft())
            self._end_bytes -= dropped
            self._left_out += dropped

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            # The job will fail for the same reason, and say more; or does not write at all.
            if error.errno != errno.ENOSPC:
                raise

    def _line(self, raw: bytes) -> None:
        # A progress bar redraws its line: only what stands there last counts.
        line = raw[-_LINE_BYTES:].decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
        if progress := read_progress(self._step, line, self._clock.now()):
            self._metrics = {}  # The job reports by itself.
            self._tell(progress)
        elif line.strip():
            self.last_lines.append(line)
            self._lines += 1
            if self._lines <= _LINES_TOLD:
                self._tell(StepLog(self._step, line, self._clock.now()))
            self._tell_metrics(line)

    def _tell_metrics(self, line: str) -> None:
        found = {name: regex.search(line) for name, regex in self._metrics.items()}
        values = {name: _finite(match[1]) for name, match in found.items() if match}
        metrics = {name: value for name, value in values.items() if value is not None}
        if metrics:
            self._reports += 1
            now = self._clock.now()
            self._tell(StepProgress(self._step, self._reports, 0, now, metrics=metrics))


def _compiled(metric_definitions: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    """The regexes that Python can read and that have a group, which is the value."""
    regexes: dict[str, re.Pattern[str]] = {}
    for name, text in metric_definitions.items():
        with contextlib.suppress(re.error):
            regex = re.compile(text)
            if regex.groups:
                regexes[name] = regex
    return regexes


def _finite(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def open_log(path: Path) -> FileIO:
    """Open the log at `path`, empty and unbuffered, so that one can follow it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb", buffering=0)
