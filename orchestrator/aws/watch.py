"""An execution as it happens: asked for again and again, told as the news that local runs tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.executions import read_execution
from orchestrator.aws.logs import JobLog
from orchestrator.errors import NotFoundError
from orchestrator.results.events import ExecutionEnded, ExecutionStarted, StepEnded, StepStarted
from orchestrator.results.progress_line import read_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.executions import Watched
    from orchestrator.results.events import Event, Listener, StepProgress
    from orchestrator.results.model import StepResult

LOOKS = 3
"""For an execution that is not found at first: what was just made may take a moment to be seen."""


def watch(
    arn: str,
    aws: Aws,
    listener: Listener,
    *,
    now: Callable[[], datetime],
    wait: Callable[[], None],
) -> Watched:
    """Return an execution once it has ended; on the way, tell `listener` what happens.

    Args:
        arn: The execution's.
        aws: The account and region that it runs in.
        listener: Told of each step that starts or ends, and of progress that jobs log.
        now: Gives the time.
        wait: Returns when it is time to ask again.
    """
    logs: dict[str, JobLog] = {}
    before, seen = None, _first_look(arn, aws, wait)
    listener(ExecutionStarted(seen.result, seen.result.started_at))
    while True:
        for event in (*news(before, seen, now()), *_progress(seen, logs, aws, now())):
            listener(event)
        if seen.has_ended:
            listener(ExecutionEnded(seen.result, now()))
            return seen
        wait()
        before, seen = seen, read_execution(arn, aws)


def news(before: Watched | None, after: Watched, at: datetime) -> Iterator[Event]:
    """Yield what happened between two looks at an execution; `before` is None at the first."""
    old = {step.name: step for step in before.result.steps} if before else {}
    for step in after.result.steps:
        known = old.get(step.name)
        if _has_begun(step) and (known is None or _is_further(known, step)):
            yield StepStarted(step.name, step.type, step.attempts or 1, step.started_at or at)
        if step.is_done and (known is None or not known.is_done):
            yield StepEnded(step, step.ended_at or at)


def _first_look(arn: str, aws: Aws, wait: Callable[[], None]) -> Watched:
    """Return an execution, which may have been started so lately that it is not found yet."""
    for _ in range(LOOKS):
        try:
            return read_execution(arn, aws)
        except NotFoundError:
            wait()
    return read_execution(arn, aws)


def _progress(
    seen: Watched, logs: dict[str, JobLog], aws: Aws, at: datetime
) -> Iterator[StepProgress]:
    """Yield the last progress of each job that runs, as its log tells it."""
    for step, job in seen.jobs.items():
        if seen.result[step].is_done:
            continue
        log = logs.setdefault(job.arn, JobLog(job, aws))
        told = [read_progress(step, text, at) for text in log.new_lines()]
        yield from [progress for progress in told if progress][-1:]


def _has_begun(step: StepResult) -> bool:
    return step.status != "NotStarted"


def _is_further(before: StepResult, after: StepResult) -> bool:
    return not _has_begun(before) or after.attempts > before.attempts
