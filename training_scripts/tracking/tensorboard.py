"""TensorBoard: an event file in the folder that SageMaker uploads while the job runs."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

from training_scripts.tracking.event_file import (
    restart_event,
    scalars_event,
    text_event,
    version_event,
)
from training_scripts.tracking.tracker import flat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from training_scripts.tracking.tracker import Row, RunFacts, Status


class TensorBoard:
    """Writes one file per attempt; readers join the files of a folder."""

    name = "tensorboard"
    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder, self._now = folder, now
        self._file: Path | None = None
        self._has_until = 0

    def start(self, run: RunFacts) -> str:
        """Open a file that begins where the checkpoint of an earlier attempt ended."""
        self._folder.mkdir(parents=True, exist_ok=True)
        time = self._now()
        # An attempt on another machine finds no file here, and writes the earlier rows anew.
        if any(self._folder.glob("events.out.tfevents.*")) and self._file is None:
            self._has_until = run.resumed_after
        if self._file is None:
            self._file = self._folder / self._file_name(time)
            self._append(version_event(time), restart_event(time, self._has_until + 1))
            shown = json.dumps(flat(run.hyperparameters), indent=2)
            self._append(text_event(time, "settings", f"```\n{shown}\n```"))
        return str(self._folder)

    def log(self, rows: Sequence[Row]) -> None:
        """Append rows; a reader sees them at once."""
        new = [row for row in rows if row.step > self._has_until]
        self._append(*(scalars_event(row.time, row.step, row.values) for row in new))

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Leave the file as it is: TensorBoard knows neither an end nor a summary."""

    def _append(self, *records: bytes) -> None:
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(b"".join(records))

    def _file_name(self, time: float) -> str:
        # Readers take the files of a folder in the order of their names.
        taken = len(list(self._folder.glob("events.out.tfevents.*")))
        return f"events.out.tfevents.{time:010.0f}.{socket.gethostname()}.{os.getpid()}.{taken}"
