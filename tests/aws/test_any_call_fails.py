"""Every call of every command goes wrong once, in every way; it can be repeated all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import flow_aws
from orchestrator.aws.clients import Aws
from orchestrator.aws.executions import read_execution, stop, with_outputs
from orchestrator.aws.logs import JobLog
from orchestrator.aws.retry import plan_retry, retry
from orchestrator.aws.starts import plan_start, start
from orchestrator.aws.watch import LOOKS, watch
from orchestrator.errors import AwsError, NotFoundError
from orchestrator.local.home import Home
from tests.aws.account import REGION
from tests.aws.faults import KINDS
from tests.aws.strict_moto import NOW, fail_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import boto3

    from tests.aws.faults import Faults

CODES = {
    "throttled": "FMO430",
    "slow down": "FMO430",
    "internal error": "FMO440",
    "unavailable": "FMO440",
    "expired": "FMO410",
    "unknown key": "FMO410",
    "denied": "FMO420",
    "reset": "FMO440",
    "timeout": "FMO440",
    "unreachable": "FMO440",
}
PASSING = ("throttled", "slow down", "internal error", "unavailable", "reset", "timeout")
"""What botocore waits for and asks again."""
CURES = {
    "FMO410": "Sign in again",
    "FMO420": "Ask for the permission ",
    "FMO430": "Repeat the command in a minute.",
    "FMO440": "epeat the command",
}


@dataclass(frozen=True)
class World:
    """An account in which a pipeline is deployed and an execution has begun."""

    pipeline: str
    started: str
    home: Home

    def watched(self, aws: Aws) -> Any:
        return watch(self.started, aws, lambda _: None, now=lambda: NOW, wait=lambda: None)


@pytest.fixture
def world(deployed: str, started: str, tmp_path: Path) -> World:
    return World(deployed, started, Home(tmp_path / ".fmo"))


def start_it(world: World, aws: Aws) -> None:
    start(plan_start(world.pipeline, {}, aws), aws)


def read_it(world: World, aws: Aws) -> None:
    read_execution(world.started, aws)


def report_it(world: World, aws: Aws) -> None:
    with_outputs(world.watched(aws).result, aws)


def read_its_log(world: World, aws: Aws) -> None:
    JobLog(read_execution(world.started, aws).jobs["prepare"], aws).new_lines()


def stop_it(world: World, aws: Aws) -> None:
    stop(world.started, aws)


def retry_it(world: World, aws: Aws) -> None:
    retry(plan_retry(world.started, aws), aws)


def pull_it(world: World, aws: Aws) -> None:
    list(flow_aws.pull(read_execution(world.started, aws).result, (), world.home, aws))


def begin(world: World, aws: Aws) -> None:
    read_it(world, aws)


def fail(world: World, aws: Aws) -> None:
    fail_at("sft")
    world.watched(aws)


def end(world: World, aws: Aws) -> None:
    world.watched(aws)


ACTS: dict[str, tuple[Callable[[World, Aws], None], Callable[[World, Aws], None] | None]] = {
    "start": (start_it, None),
    "status": (read_it, begin),
    "report": (report_it, end),
    "logs": (read_its_log, begin),
    "stop": (stop_it, begin),
    "retry": (retry_it, fail),
    "pull": (pull_it, end),
}
"""Command to what it does, and to what has happened before."""


@pytest.mark.slow
@pytest.mark.parametrize("command", ACTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_any_call_is_one_clear_error_and_the_command_can_be_repeated(
    world: World, aws: Aws, faults: Faults, kind: str, command: str
) -> None:
    act, before = ACTS[command]
    if before is not None:
        before(world, aws)
    told: list[AwsError] = []
    failed = 0
    for at in range(1, 40):
        faults.set(kind, at)
        try:
            act(world, aws)
        except AwsError as error:
            failed += 1
            # The answer to a HEAD request has no body that would say more than its status.
            told += [] if faults.calls[-1] == "s3.HeadObject" else [error]
        if at > len(faults.calls):
            break
    # boto3's own transfers ask again after some faults, and then nothing has gone wrong.
    asked_again = 1 if command == "pull" else 0
    assert at - 1 - asked_again <= failed <= at - 1, "each call went wrong once"
    assert failed >= 1
    assert {error.code for error in told} == {CODES[kind]}
    assert [str(error) for error in told if CURES[CODES[kind]] not in str(error)] == []
    assert [str(error) for error in told if "\n" in str(error)] == []


@pytest.mark.parametrize("command", ACTS)
@pytest.mark.parametrize("kind", PASSING)
def test_a_fault_that_passes_is_waited_for(
    world: World, aws: Aws, session: boto3.Session, faults: Faults, kind: str, command: str
) -> None:
    act, before = ACTS[command]
    if before is not None:
        before(world, aws)
    faults.set(kind, 1)
    act(world, Aws(session, REGION))
    assert faults.calls[0] == faults.calls[1]


def test_credentials_that_expire_while_watching_are_told_and_watching_again_goes_on(
    world: World, aws: Aws, faults: Faults
) -> None:
    faults.set("expired", 12, times=99)
    with pytest.raises(AwsError, match="the AWS credentials have expired"):
        world.watched(aws)
    faults.set("expired", 0)
    assert world.watched(aws).result.status == "Succeeded"


def test_an_execution_that_was_just_started_may_take_a_moment_to_be_seen(
    world: World, aws: Aws, faults: Faults
) -> None:
    faults.set("not there yet", 1, times=LOOKS)
    assert world.watched(aws).result.status == "Succeeded"
    faults.set("not there yet", 1, times=99)
    with pytest.raises(NotFoundError, match="there is no such thing"):
        world.watched(aws)
    assert len(faults.calls) == LOOKS + 1
