"""Time as an argument, so that tests do not wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from threading import Event


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the time, with its zone."""

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait `seconds`, or less if `stop` is set; return whether it is."""


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait `seconds`, or less if `stop` is set; return whether it is."""
        return stop.wait(seconds)
