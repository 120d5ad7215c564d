"""Stopping an execution: one flag, and every running job told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Stopping:
    """Set once, from any thread or a signal handler's thread."""

    def __init__(self, event: threading.Event | None = None) -> None:
        self.event = event or threading.Event()
        """Set when the execution has to stop."""
        self._lock = threading.RLock()
        self._ends: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Stop: nothing new starts, and what runs is told to end."""
        self.event.set()
        with self._lock:
            for end in self._ends:
                end()

    def add(self, end: Callable[[], None]) -> None:
        """Call `end` when everything has to stop; at once if that is so already."""
        with self._lock:
            self._ends.append(end)
            if self.event.is_set():
                end()

    def remove(self, end: Callable[[], None]) -> None:
        """Forget `end`."""
        with self._lock:
            self._ends.remove(end)
