"""A clock that only a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event


@dataclass
class MovedClock:
    """Stands still until it is moved; whoever waits moves it."""

    at: datetime = datetime(2026, 11, 23, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def wait(self, stop: Event, seconds: float) -> bool:
        self.at += timedelta(seconds=seconds)
        return stop.is_set()
