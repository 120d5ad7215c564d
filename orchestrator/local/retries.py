"""Retry policies: whether, and after how long, a failed attempt is followed by another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from orchestrator.definition.model import RetryPolicy

# What a policy means that does not say: "Amazon SageMaker Pipelines, Retry Policy for Pipeline
# Steps", docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html.
_INTERVAL_SECONDS = 1
_BACKOFF_RATE = 2.0
_MAX_ATTEMPTS = 5


@dataclass
class Retries:
    """Counts the retries of one step, for each of its policies apart."""

    policies: Sequence[RetryPolicy]
    _used: dict[int, int] = field(default_factory=dict)
    _first: dict[int, datetime] = field(default_factory=dict)

    def wait_seconds(self, fault: str | None, now: datetime) -> float | None:
        """Return how long to wait before the next attempt; None if there is none.

        The first policy that names the fault decides.
        """
        for position, policy in enumerate(self.policies):
            if fault in policy.exception_types:
                return self._next(position, policy, now)
        return None

    def _next(self, position: int, policy: RetryPolicy, now: datetime) -> float | None:
        used = self._used.get(position, 0)
        first = self._first.setdefault(position, now)
        interval = policy.interval_seconds or _INTERVAL_SECONDS
        wait = interval * (policy.backoff_rate or _BACKOFF_RATE) ** used
        if policy.expire_after_minutes is not None:
            elapsed = (now - first).total_seconds()
            if elapsed + wait > policy.expire_after_minutes * 60:
                return None
        elif used >= (policy.max_attempts or _MAX_ATTEMPTS):
            return None
        self._used[position] = used + 1
        return wait
