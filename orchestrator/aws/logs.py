"""What a job wrote, from CloudWatch: read on from where it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.executions import Watched
    from orchestrator.aws.jobs import Job


class JobLog:
    """The log of one job: one stream for each of its hosts."""

    def __init__(self, job: Job, aws: Aws) -> None:
        self._job = job
        self._aws = aws
        self._tokens: dict[str, str] = {}

    def new_lines(self) -> list[str]:
        """Return what was written since the last call, in order of time.

        Where there are several hosts, a line begins with its host's name.
        """
        try:
            streams = self._streams()
        except NotFoundError:  # There is no log group before the first job of its kind.
            return []
        found = sorted(
            (at, host, text) for name, host in streams.items() for at, text in self._read(name)
        )
        return [f"{host}: {text}" if len(streams) > 1 else text for _, host, text in found]

    def _streams(self) -> dict[str, str]:
        """Return stream to host: SageMaker calls them `JOB/algo-1-1700000000`."""
        pages = self._aws.pages(
            "logs", "DescribeLogStreams",
            logGroupName=self._job.log_group, logStreamNamePrefix=f"{self._job.name}/",
        )  # fmt: skip
        names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        return {name: name.rpartition("/")[2].rpartition("-")[0] for name in names}

    def _read(self, stream: str) -> Iterator[tuple[int, str]]:
        """Yield time and text of new events; a page that is empty need not be the last."""
        while True:
            token = self._tokens.get(stream)
            answer = self._aws.call(
                "logs", "GetLogEvents",
                logGroupName=self._job.log_group, logStreamName=stream, startFromHead=True,
                **({"nextToken": token} if token else {}),
            )  # fmt: skip
            for event in answer["events"]:
                yield event["timestamp"], event["message"]
            self._tokens[stream] = answer["nextForwardToken"]
            if token == answer["nextForwardToken"]:
                return


def follow(
    step: str, read: Callable[[], Watched], aws: Aws, *, wait: Callable[[], None]
) -> Iterator[str]:
    """Yield the lines of a step's job as they are written, until the step has ended.

    A step that is tried again has a job of its own for each attempt, of which each is told.

    Args:
        step: Which.
        read: Gives the execution as it stands.
        aws: The account and region that it runs in.
        wait: Returns when it is time to ask again.
    """
    logs: dict[str, JobLog] = {}
    while True:
        seen = read()
        if step in seen.jobs:
            job = seen.jobs[step]
            log = logs.setdefault(job.arn, JobLog(job, aws))
            yield from log.new_lines()
        if seen.result[step].is_done or seen.has_ended:
            return
        wait()
