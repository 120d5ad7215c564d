"""Decides which step runs next, runs several at once, and stops when one fails or somebody asks."""

from __future__ import annotations

import contextlib
import heapq
import queue
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.definition.graph import dependents
from orchestrator.results.events import StepEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.definition.graph import Graph, Node
    from orchestrator.local.step_runner import StepRunner
    from orchestrator.local.stopping import Stopping
    from orchestrator.results.events import Event
    from orchestrator.results.model import ExecutionStatus, StepResult

_POLL_SECONDS = 0.2
_IN_PLACE = {"Condition", "Fail", "Model", "RegisterModel"}
"""Steps so quick that handing them to a worker would cost more than they do."""


@dataclass(frozen=True)
class Verdict:
    """How an execution ended."""

    status: ExecutionStatus
    reason: str | None = None


@dataclass(frozen=True)
class _Done:
    name: str
    result: StepResult | None
    error: BaseException | None = None


class Executor:
    """One execution's schedule. All events reach `listener` from the thread that calls `run`."""

    def __init__(
        self,
        graph: Graph,
        results: dict[str, StepResult],
        stopping: Stopping,
        listener: Callable[[Event], None],
        workers: int,
    ) -> None:
        self._graph = graph
        self.results = results
        """What is known of each step, kept up to date."""
        self._stopping = stopping
        self._listener = listener
        self._workers = workers
        self._after = dependents(graph)
        self._position = {name: position for position, name in enumerate(graph)}
        self._left = {name: len(node.waits_for) for name, node in graph.items()}
        self._ready: list[tuple[int, str]] = []
        self._running = 0
        self._asked_to_stop = False
        self._failed: list[str] = []
        # Its put may be called from a signal handler, unlike that of queue.Queue.
        self._messages: queue.SimpleQueue[Event | _Done | None] = queue.SimpleQueue()

    def tell(self, event: Event) -> None:
        """Pass `event` to the listener; from any thread."""
        self._messages.put(event)

    def interrupt(self) -> None:
        """Stop soon; may be called in a signal handler."""
        # There, a lock taken here might be one that this thread holds.
        self._asked_to_stop = True
        self._messages.put(None)

    def run(self, runner: StepRunner) -> Verdict:
        """Run all steps that are not done; return how the execution ended."""
        for name, node in self._graph.items():
            if self.results[name].status == "Succeeded":
                self._release(name)
            elif not node.waits_for:
                self._push(name)
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                self._loop(runner, pool)
            except BaseException:
                self._stopping.stop()
                raise
        return self._verdict()

    def _loop(self, runner: StepRunner, pool: ThreadPoolExecutor) -> None:
        while True:
            while self._may_start():
                self._start(heapq.heappop(self._ready)[1], runner, pool)
            if not self._running:
                self._drain()
                if not self._may_start():
                    return
                continue
            self._next_message()
            if self._asked_to_stop or self._stopping.event.is_set():
                self._stopping.stop()

    def _may_start(self) -> bool:
        stopped = self._failed or self._asked_to_stop or self._stopping.event.is_set()
        return bool(self._ready) and not stopped and self._running < self._workers

    def _start(self, name: str, runner: StepRunner, pool: ThreadPoolExecutor) -> None:
        self._running += 1
        step, before = self._graph[name].step, self.results[name]

        def work() -> None:
            try:
                self._messages.put(_Done(name, runner.run(step, before)))
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                self._messages.put(_Done(name, None, error))

        if step.type in _IN_PLACE:
            work()
        else:
            pool.submit(work)

    def _next_message(self) -> None:
        try:
            message = self._messages.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        self._take(message)

    def _drain(self) -> None:
        while not self._messages.empty():
            self._take(self._messages.get())

    def _take(self, message: Event | _Done | None) -> None:
        if isinstance(message, _Done):
            self._running -= 1
            if message.error is not None:
                raise message.error
            if message.result is not None:
                self._ended(message.name, message.result)
        elif message is not None:
            self._listener(message)

    def _ended(self, name: str, result: StepResult) -> None:
        self.results[name] = result
        if result.status == "Succeeded":
            self._release(name)
        elif result.status == "Failed":
            self._failed.append(name)
        if result.ended_at:
            self._listener(StepEnded(result, result.ended_at))

    def _release(self, name: str) -> None:
        for other in self._after[name]:
            self._left[other] -= 1
            node = self._graph[other]
            done = self.results[other].status == "Succeeded"
            if self._left[other] == 0 and not done and self._is_taken(node):
                self._push(other)

    def _is_taken(self, node: Node) -> bool:
        if node.branch is None:
            return True
        outcome = self.results[node.branch.condition].condition_outcome
        return outcome is (node.branch.side == "IfSteps")

    def _push(self, name: str) -> None:
        heapq.heappush(self._ready, (self._position[name], name))

    def _verdict(self) -> Verdict:
        if self._failed:
            first = self.results[self._failed[0]]
            return Verdict("Failed", f"step {first.name!r} failed: {first.failure_reason}")
        asked = self._asked_to_stop or self._stopping.event.is_set()
        if asked and not self._is_complete():
            return Verdict("Stopped", "stopped on request")
        return Verdict("Succeeded")

    def _is_complete(self) -> bool:
        stopped = any(result.status == "Stopped" for result in self.results.values())
        return not stopped and not self._ready


@contextlib.contextmanager
def told_by_signals(interrupted: Callable[[], None]) -> Iterator[None]:
    """Call `interrupted` on Ctrl-C and SIGTERM, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: interrupted()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
