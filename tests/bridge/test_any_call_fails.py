"""Whatever call fails, and however: one job, one answer, nothing lost.

Each test counts the calls of a scenario, then runs it once for each call, which then fails.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from moto import mock_aws

from tests.bridge.wire import FAULTS, Fault, Wire
from tests.bridge.world import World, assert_nothing_is_amiss, make_glue_job


def succeeding(world: World) -> None:
    world.reach_step()


def without_events(world: World) -> None:
    world.events_arrive = False
    world.reach_step()


def stopped(world: World) -> None:
    world.job_ends = None
    world.reach_step()
    world.deliver()
    world.stop_step()


def stopped_at_once(world: World) -> None:
    world.job_ends = None
    world.reach_step()
    world.stop_step()


def refused_outputs(world: World) -> None:
    world.reach_step(declared=frozenset({"model"}))


def importing(world: World) -> None:
    source = {"s3DataSource": {"s3Uri": "s3://acme/model/"}}
    request = {"roleArn": "arn:aws:iam::123456789012:role/fmo", "modelDataSource": source}
    world.reach_step(service="bedrock_import", request=request)


def refused_model(world: World) -> None:
    world.offer("amazon.nova-pro-v1:0", "FINE_TUNING")
    world.reach_step()


def running_in_glue(world: World) -> None:
    make_glue_job()
    world.reach_step(service="glue", request={"JobName": "clean"})


def stopped_in_glue(world: World) -> None:
    make_glue_job()
    request = {"JobName": "clean"}
    world.reach_step(service="glue", request=request)
    world.deliver()
    world.stop_step()


Scenario = Callable[[World], None]
SCENARIOS: tuple[Scenario, ...] = (
    succeeding,
    without_events,
    stopped,
    stopped_at_once,
    running_in_glue,
    stopped_in_glue,
    refused_outputs,
    importing,
    refused_model,
)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.__name__)
def test_a_fault_at_any_call_leaves_one_job_and_one_answer(
    scenario: Scenario, fault: Fault
) -> None:
    calls = calls_without_fault(scenario)
    for at in range(1, len(calls) + 1):
        with mock_aws():
            world = World(Wire(fault, at))
            scenario(world)
            world.settle()
            assert world.wire.struck, f"call {at}"
            assert_nothing_is_amiss(world)


def calls_without_fault(scenario: Scenario) -> list[str]:
    with mock_aws():
        world = World()
        scenario(world)
        assert_nothing_is_amiss(world.settle())
        return world.wire.calls
