"""`schedule` and `notify`: what AWS would refuse is refused here, and when a cron fires next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.cron import cron_problem, next_time, rate_interval, rate_problem
from orchestrator.spec.load import load_spec
from orchestrator.spec.writer import spec_to_yaml

SPEC = """\
name: weekly
parameters:
  Rows: {type: S3Uri, default: s3://lake/rows/}
  Limit: {type: Integer}
  Here: {type: S3Uri, default: ./rows}
steps:
  split: {kind: dataset, data: $params.Rows, max_rows: $params.Limit}
"""
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def problems(schedule: str) -> list[str]:
    try:
        build_plan(load_spec(f"{SPEC}{schedule}\n"))
    except SpecError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{}", "schedule: the schedule never starts anything. Write `cron:`, `rate:` or"),
        ("{cron: 0 6 * * MON *, rate: 7 days}", "schedule.rate: there is a `cron` too. Keep one"),
        ("{cron: 0 6 * * MON *}", "schedule.cron: '0 6 * * MON *': exactly one of day of the mon"),
        ("{cron: 0 6 * * 1}", "schedule.cron: '0 6 * * 1' has 5 parts, and cron on AWS has six:"),
        ("{cron: 0 25 ? * MON *}", "schedule.cron: the hour cannot be '25'. Write *, 0-23, a li"),
        ("{cron: 0 6 ? * XYZL *}", "schedule.cron: the day of the week cannot be 'XYZL'. Write"),
        ("{rate: 1 days}", "schedule.rate: '1 days' is refused by AWS. Write '1 day'."),
        ("{rate: 7 day}", "schedule.rate: '7 day' is refused by AWS. Write '7 days'."),
        ("{rate: weekly}", "schedule.rate: 'weekly' is no rate. Write '7 days', '12 hours' or"),
        (
            "{rate: 7 days, timezone: Europe/Berln}",
            "schedule.timezone: there is no time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'",
        ),
        ("{rate: 7 days, parameters: {Limt: 3, Limit: 1}}", "schedule.parameters.Limt: there is"),
        (
            "{rate: 7 days, parameters: {Limit: many}}",
            "schedule.parameters.Limit: 'many' is not of type Integer. Write a whole number",
        ),
        (
            "{rate: 7 days}",
            "schedule.parameters: parameter 'Limit' has no default, and the schedule gives no val",
        ),
        (
            "{on_new_data: ./rows, parameters: {Limit: 1}}",
            "schedule.on_new_data: expected s3://bucket/prefix/ or $params.Name, found './rows'.",
        ),
        (
            "{on_new_data: $params.Row, parameters: {Limit: 1}}",
            "schedule.on_new_data: there is no parameter 'Row'. Did you mean 'Rows'?",
        ),
        (
            "{on_new_data: $params.Here, parameters: {Limit: 1}}",
            "schedule.on_new_data: '$params.Here' is './rows' on AWS, which is not in S3. Give it",
        ),
        (
            "{rate: 7 days, retry_policy: {maximum_retry_attempts: 186}}",
            "schedule.retry_policy.maximum_retry_attempts: expected a number at most 185, found",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_here(written: str, said: str) -> None:
    assert any(said in problem for problem in problems(f"schedule: {written}"))


def test_a_schedule_that_holds_is_written_back_as_it_was() -> None:
    lines = (
        'schedule: {cron: "0 6 ? * MON *", timezone: Europe/Berlin, overlap: skip,'
        " parameters: {Limit: 3, Smoke: true}}\nnotify: {on_status: [Failed]}\n"
    )
    spec = load_spec(SPEC + lines)
    assert build_plan(spec)[0].schedule == spec.schedule
    assert load_spec(spec_to_yaml(spec)) == spec


@pytest.mark.parametrize(
    ("cron", "timezone", "then"),
    [
        ("0 6 ? * MON *", "Europe/Berlin", "2026-11-30T05:00"),
        ("0 6 ? * MON *", "UTC", "2026-11-30T06:00"),
        ("0 0 L * ? *", "UTC", "2026-11-30T00:00"),
        ("30 8 ? * 6L 2027", "UTC", "2027-01-29T08:30"),
        ("0 12 ? * FRI#1 *", "UTC", "2026-12-04T12:00"),
        ("0 0 15W 8 ? *", "UTC", "2027-08-16T00:00"),
        ("0 0 1W 8 ? *", "UTC", "2027-08-02T00:00"),
        ("0 0 LW 2 ? 2027", "UTC", "2027-02-26T00:00"),
        ("0/15 * ? * FRI-MON *", "UTC", "2026-11-27T00:00"),
        ("0 0 ? * L *", "UTC", "2026-11-28T00:00"),
        ("10,20 23 ? JAN-MAR * *", "UTC", "2027-01-01T23:10"),
    ],
)
def test_a_cron_fires_next(cron: str, timezone: str, then: str) -> None:
    assert cron_problem(cron) is None
    at = next_time(cron, timezone, NOW)
    assert at is not None
    assert f"{at:%Y-%m-%dT%H:%M}" == then


def test_a_cron_of_years_gone_by_never_fires() -> None:
    assert next_time("0 6 1 1 ? 2020", "UTC", NOW) is None


@given(st.integers(1, 7), st.integers(0, 23), st.integers(0, 59), st.integers(0, 3000))
def test_a_weekly_cron_fires_within_a_week_on_its_day(
    day: int, hour: int, minute: int, hours: int
) -> None:
    now = NOW + timedelta(hours=hours)
    at = next_time(f"{minute} {hour} ? * {day} *", "UTC", now)
    assert at is not None
    assert timedelta() < at - now <= timedelta(days=7)
    assert (at.isoweekday() % 7 + 1, at.hour, at.minute) == (day, hour, minute)


@pytest.mark.parametrize(("rate", "hours"), [("7 days", 168), ("1 hour", 1), ("90 minutes", 1.5)])
def test_a_rate_is_an_interval(rate: str, hours: float) -> None:
    assert rate_problem(rate) is None
    assert rate_interval(rate) == timedelta(hours=hours)
