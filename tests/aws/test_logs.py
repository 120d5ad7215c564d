"""What jobs wrote, read from CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.aws.executions import read_execution
from orchestrator.aws.jobs import Job
from orchestrator.aws.logs import JobLog, follow
from orchestrator.aws.watch import watch
from orchestrator.results.events import StepProgress
from tests.aws.strict_moto import NOW

if TYPE_CHECKING:
    from orchestrator.aws.clients import Aws
    from orchestrator.results.events import Event

JOB = Job("arn:aws:sagemaker:eu-central-1:1:training-job/sft", "Training", "/aws/sagemaker/T")
START = int(datetime.now(UTC).timestamp() * 1000) - 1000
"""In milliseconds; CloudWatch drops what is older than two weeks."""


def write(aws: Aws, stream: str, *lines: tuple[int, str]) -> None:
    events = [{"timestamp": START + at, "message": text} for at, text in lines]
    aws.call(
        "logs", "PutLogEvents",
        logGroupName=JOB.log_group, logStreamName=f"sft/{stream}", logEvents=events,
    )  # fmt: skip


def make(aws: Aws, *streams: str) -> None:
    aws.call("logs", "CreateLogGroup", logGroupName=JOB.log_group)
    for stream in streams:
        name = f"sft/{stream}"
        aws.call("logs", "CreateLogStream", logGroupName=JOB.log_group, logStreamName=name)


def test_each_line_is_read_once_and_new_ones_later(aws: Aws) -> None:
    make(aws, "algo-1-17")
    log = JobLog(JOB, aws)
    assert log.new_lines() == []
    write(aws, "algo-1-17", (1, "a"), (2, "b"))
    assert log.new_lines() == ["a", "b"]
    assert log.new_lines() == []
    write(aws, "algo-1-17", (3, "c"))
    assert log.new_lines() == ["c"]


def test_lines_of_several_hosts_are_in_order_of_time_and_say_whose_they_are(aws: Aws) -> None:
    make(aws, "algo-1-17", "algo-2-17")
    write(aws, "algo-1-17", (1, "a"), (3, "c"))
    write(aws, "algo-2-17", (2, "b"))
    assert JobLog(JOB, aws).new_lines() == ["algo-1: a", "algo-2: b", "algo-1: c"]


def test_before_the_first_job_of_its_kind_there_is_nothing(aws: Aws) -> None:
    assert JobLog(JOB, aws).new_lines() == []


def test_a_log_is_followed_until_its_step_has_ended(started: str, aws: Aws) -> None:
    waits = []
    lines = follow(
        "prepare", lambda: read_execution(started, aws), aws, wait=lambda: waits.append(1)
    )
    assert list(lines) == ["progress step=1/2 train/loss=3.5 tokens_per_second=700", "done"]
    assert len(waits) == 1


def test_progress_in_the_log_is_told_while_watching(started: str, aws: Aws) -> None:
    events: list[Event] = []
    watch(started, aws, events.append, now=lambda: NOW, wait=lambda: None)
    progress = [event for event in events if isinstance(event, StepProgress)]
    assert [(one.step, one.current, one.total) for one in progress] == [
        ("prepare", 1, 2),
        ("sft", 1, 2),
    ]
    assert progress[0].metrics == {"train/loss": 3.5}
    assert progress[0].tokens_per_second == 700
