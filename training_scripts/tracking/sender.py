"""Keeps a tracker from holding up the training: a thread of its own talks to it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training_scripts.tracking.tracker import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training_scripts.tracking.tracker import Row, RunFacts, Status, Tracker


@dataclass(frozen=True)
class Patience:
    """How long a training waits for a tracker, in seconds."""

    start: float = 20.0
    retry: float = 15.0
    """Between an error and the next try, during which the training goes on."""
    finish: float = 30.0
    stop: float = 5.0
    """For the end of a run that failed or was stopped; a job here has 10 s in all."""


class Sender:
    """Hands rows to one tracker, in order, each until it is stored."""

    def __init__(self, tracker: Tracker, run: RunFacts, patience: Patience) -> None:
        self._tracker, self._run, self._patience = tracker, run, patience
        self._rows: deque[Row] = deque()
        self._changed = threading.Condition()
        self._heard = threading.Event()
        """Set once the tracker answered or failed."""
        self._ending: tuple[Status, Mapping[str, float]] | None = None
        self._ended = self._warned = self._reached = False
        self._problem: Misconfigured | None = None
        # A daemon: one that hangs dies with the job.
        self._thread = threading.Thread(target=self._work, name=tracker.name, daemon=True)

    def start(self, rows: Iterable[Row]) -> None:
        """Begin the run, with the rows of earlier attempts.

        Raises:
            Misconfigured: If the tracker can never work.
        """
        self._rows.extend(rows)
        self._thread.start()
        if not self._heard.wait(self._patience.start):
            self._warn(f"no answer in {self._patience.start:g} s")
        if self._problem is not None:
            raise self._problem

    @property
    def waiting(self) -> int:
        """How many rows are not yet stored."""
        return len(self._rows)

    def send(self, row: Row) -> None:
        """Have a row sent soon; never waits."""
        with self._changed:
            self._rows.append(row)
            self._changed.notify()

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """End the run; waits a little for what is not yet stored."""
        with self._changed:
            self._ending = (status, summary)
            self._changed.notify()
        seconds = self._patience.finish if status == "FINISHED" else self._patience.stop
        self._thread.join(seconds)
        if not self._ended:
            lost = f"{self.waiting} rows and the end of the run are not stored there"
            print(f"{self._tracker.name}: {lost}. {self._problem or ''}".rstrip(), flush=True)

    def _work(self) -> None:
        try:
            while not self._ended:
                try:
                    self._talk()
                except self._tracker.errors as error:
                    self._warn(str(error).strip().partition("\n")[0][:300] or type(error).__name__)
                    self._heard.set()
                    self._rest()
        except Misconfigured as error:
            self._problem = error
        finally:
            self._heard.set()

    def _talk(self) -> None:
        """Send until the run is ended, or something fails."""
        where = self._tracker.start(self._run)
        if not self._reached:
            print(f"{self._tracker.name}: {where}", flush=True)
        self._reached = True
        self._heard.set()
        while rows := self._next_rows():
            self._tracker.log(rows)
            with self._changed:
                for _ in rows:
                    self._rows.popleft()
        if self._ending is not None:
            self._tracker.finish(*self._ending)
            self._ended = True

    def _next_rows(self) -> list[Row]:
        """Wait for rows; none means that the run is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self._ending)
            return list(self._rows)

    def _rest(self) -> None:
        with self._changed:
            if self._ending is None:
                self._changed.wait_for(lambda: self._ending, self._patience.retry)
            else:
                self._changed.wait(min(self._patience.retry, 1.0))

    def _warn(self, what: str) -> None:
        if not self._warned:
            print(
                f"{self._tracker.name}: {what}. The training goes on, and what it measures is kept "
                "until it can be stored.",
                flush=True,
            )
        self._warned = True
