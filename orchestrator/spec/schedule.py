"""`schedule` and `notify`: when a deployed pipeline starts by itself, and who hears of its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, Strict, StringConstraints

from orchestrator.spec.cron import cron_problem, rate_problem
from orchestrator.spec.fields import Broken, Scalar, SpecModel
from orchestrator.spec.suggest import did_you_mean

# EventBridge Scheduler, RetryPolicy and FlexibleTimeWindow.
RetryAttempts = Annotated[int, Strict(), Field(ge=0, le=185)]
EventAge = Annotated[int, Strict(), Field(ge=60, le=86_400)]
WindowMinutes = Annotated[int, Strict(), Field(ge=1, le=1_440)]
DataPrefix = Annotated[
    str, StringConstraints(pattern=r"^(s3://.+|\$params\.[A-Za-z][A-Za-z0-9]*)$")
]
EndStatus = Literal["Succeeded", "Failed", "Stopped"]


class RetryPolicySpec(SpecModel):
    """How often a start that AWS refused is tried again; steps have retries of their own."""

    maximum_retry_attempts: RetryAttempts = 3
    """Tries after the first one; then it goes to the dead-letter queue, if there is one."""
    maximum_event_age_in_seconds: EventAge = 3_600
    """A start that is later than this is given up."""


class ScheduleSpec(SpecModel):
    """When the pipeline starts by itself: at times, when new data land, or both."""

    cron: str | None = None
    """Six parts as AWS has them, such as `0 6 ? * MON *`: Mondays at six."""
    rate: str | None = None
    """Time between two starts, such as `7 days`; instead of `cron`."""
    timezone: str = "UTC"
    """In which `cron` is read, such as `Europe/Berlin`; summer time is followed."""
    maximum_window_in_minutes: WindowMinutes | None = None
    """How much later it may start, where AWS spreads load (unset: within a minute)."""
    overlap: Literal["allow", "skip"] = "allow"
    """`skip` starts nothing while an execution of the pipeline runs; it needs the bridge."""
    retry_policy: RetryPolicySpec = RetryPolicySpec()
    """When a start itself is refused."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    """Values for the pipeline's parameters, by name."""
    on_new_data: DataPrefix | None = None
    """`s3://bucket/prefix/`, or `$params.Name`: each object that lands below it starts one."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield expressions that AWS would refuse, and a schedule that says no time."""
        if self.cron is None and self.rate is None and self.on_new_data is None:
            fix = "Write `cron:`, `rate:` or `on_new_data:`."
            yield Broken("", "the schedule never starts anything", fix)
        if self.cron is not None and self.rate is not None:
            yield Broken("rate", "there is a `cron` too", "Keep one of the two.")
        problem = cron_problem(self.cron) if self.cron is not None else None
        if problem:
            yield Broken("cron", *problem)
        problem = rate_problem(self.rate) if self.rate is not None else None
        if problem:
            yield Broken("rate", *problem)
        yield from self._timezone_is_known()

    def _timezone_is_known(self) -> Iterator[Broken]:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            known = did_you_mean(self.timezone, sorted(available_timezones()), noun="time zones")
            yield Broken("timezone", f"there is no time zone {self.timezone!r}", known)


class NotifySpec(SpecModel):
    """Which ends of an execution are told to the SNS topic of the environment."""

    on_status: Annotated[tuple[EndStatus, ...], Field(min_length=1)] = ("Failed", "Stopped")
    """Such as `[Succeeded, Failed, Stopped]`."""
