"""Whatever a tracker does, the training goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from training_scripts.tracking.sender import Patience, Sender
from training_scripts.tracking.tracker import Misconfigured, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training_scripts.tracking.tracker import RunFacts, Status

    Facts = Callable[..., RunFacts]
    Rows = Callable[[int, int], list[Row]]

SHORT = Patience(start=0.05, retry=0.01, finish=0.05, stop=0.05)
LONG = Patience(start=30, retry=0.01, finish=30, stop=30)


class Recorder:
    """A tracker that fails or hangs as often as it is told."""

    name = "recorder"
    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, *, fails: int = 0, problem: str = "") -> None:
        self.fails, self.problem = fails, problem
        self.steps: list[int] = []
        self.ended: tuple[Status, dict[str, float]] | None = None
        self.hangs = threading.Event()
        self.goes_on = threading.Event()

    def start(self, run: RunFacts) -> str:
        if self.problem:
            raise Misconfigured(self.problem)
        self._fail_or_hang()
        return f"run {run.name}"

    def log(self, rows: Sequence[Row]) -> None:
        self._fail_or_hang()
        self.steps.extend(row.step for row in rows)

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        self.ended = (status, dict(summary))

    def _fail_or_hang(self) -> None:
        if self.hangs.is_set():
            self.goes_on.wait(30)
        if self.fails:
            self.fails -= 1
            message = "connection refused"
            raise OSError(message)


def test_rows_arrive_in_order_and_the_run_is_ended(facts: Facts, rows: Rows) -> None:
    tracker = Recorder()
    sender = Sender(tracker, facts(), LONG)
    sender.start(rows(1, 1))
    for row in rows(3, 3):
        sender.send(row)
    sender.finish("FINISHED", {"train/tokens": 9.0})
    assert tracker.steps == [1, 3]
    assert tracker.ended == ("FINISHED", {"train/tokens": 9.0})


def test_one_that_fails_for_a_while_gets_everything_and_is_warned_of_once(
    facts: Facts, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = Recorder(fails=3)
    sender = Sender(tracker, facts(), LONG)
    sender.start(rows(1, 5))
    sender.finish("FINISHED", {})
    assert tracker.steps == [1, 2, 2, 3, 4, 4, 5]
    said = capsys.readouterr().out
    assert said.count("recorder: connection refused. The training goes on") == 1
    assert said.count("recorder: run job-1") == 1


def test_one_that_hangs_holds_up_neither_the_start_nor_the_end(
    facts: Facts, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = Recorder()
    tracker.hangs.set()
    sender = Sender(tracker, facts(), SHORT)
    sender.start([])
    for row in rows(1, 1):
        sender.send(row)
    sender.finish("FINISHED", {})
    said = capsys.readouterr().out
    assert "recorder: no answer in 0.05 s. The training goes on" in said
    assert "1 rows and the end of the run are not stored there" in said
    tracker.goes_on.set()
    sender._thread.join()


def test_one_that_can_never_work_says_so_at_the_start(facts: Facts) -> None:
    sender = Sender(Recorder(problem="tracking_uri: refused."), facts(), LONG)
    with pytest.raises(Misconfigured, match=r"tracking_uri: refused\."):
        sender.start([])


def test_one_that_refuses_only_later_is_given_up_and_the_training_is_not(
    facts: Facts, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = Recorder()
    sender = Sender(tracker, facts(), LONG)
    sender.start([])
    tracker.fails, tracker.problem = 1, "tracking_uri: refused."
    for row in rows(1, 1):
        sender.send(row)
    sender.finish("FINISHED", {})
    assert tracker.steps == []
    assert "are not stored there. tracking_uri: refused." in capsys.readouterr().out
