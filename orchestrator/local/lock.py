"""Locks that the operating system frees when their holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event

    from orchestrator.local.clock import Clock

_POLL_SECONDS = 0.05


@contextlib.contextmanager
def locked(path: Path, clock: Clock, stop: Event, wait_seconds: float) -> Iterator[int | None]:
    """Yield the descriptor of the lock at `path`, or None if somebody else keeps it.

    A child process that inherits the descriptor keeps the lock until it ends as well.

    Args:
        path: The lock's file.
        clock: Waits.
        stop: Ends the wait.
        wait_seconds: How long to wait for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor if _acquire(descriptor, clock, stop, wait_seconds) else None
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether somebody keeps the lock at `path`."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _acquire(descriptor: int, clock: Clock, stop: Event, wait_seconds: float) -> bool:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited >= wait_seconds or clock.wait(stop, _POLL_SECONDS):
                return False
            waited += _POLL_SECONDS
        else:
            return True
