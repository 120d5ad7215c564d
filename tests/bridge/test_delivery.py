"""Messages and events come twice, late, out of order, not at all, or are of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.bridge.faults import BusyError
from tests.bridge.world import REQUEST, TOKEN, World, assert_nothing_is_amiss, backend

if TYPE_CHECKING:
    from orchestrator.bridge.bridge import Bridge

ARGUMENTS = {"service": "bedrock", "request": REQUEST}


def test_each_message_and_event_twice_is_the_same_as_once(world: World) -> None:
    world.reach_step()
    world.send(TOKEN, arguments=ARGUMENTS)
    world.deliver()
    world.end_jobs()
    world.emit(jobName=f"fmo-abc123def456-{TOKEN}", jobStatus="Completed")
    world.settle()
    world.send(TOKEN, arguments=ARGUMENTS)
    world.settle()
    assert len(world.customization_jobs()) == 1
    assert_nothing_is_amiss(world)


def test_events_out_of_order_do_not_matter(world: World) -> None:
    world.job_ends = None
    world.reach_step()
    world.deliver()
    name = f"fmo-abc123def456-{TOKEN}"
    world.emit(jobName=name, jobStatus="Completed")
    world.deliver_events()
    assert world.answers() == []  # The service says that it still runs.
    world.job_ends = "Completed"
    world.end_jobs()
    world.emit(jobName=name, jobStatus="InProgress")
    world.deliver_events()
    assert world.answers()[0]["succeeded"]
    assert_nothing_is_amiss(world)


def test_an_event_that_never_comes_is_made_up_for_by_the_sweeper(world: World) -> None:
    world.events_arrive = False
    world.reach_step()
    world.deliver()
    world.end_jobs()
    world.deliver_events()
    assert world.answers() == []
    world.now += 300
    world.sweep()
    assert world.answers()[0]["succeeded"]
    assert_nothing_is_amiss(world)


def test_an_event_for_a_job_of_others_is_ignored(world: World) -> None:
    world.reach_step()
    world.deliver()
    world.emit(jobName="somebody-elses", jobStatus="Completed")
    world.emit(source="aws.glue", kind="Glue Job State Change", jobName="x", jobRunId="jr_1")
    world.deliver_events()
    assert world.waiting(world.events) == 0
    assert world.answers() == []
    assert_nothing_is_amiss(world.settle())


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"token": "short"}', '{"token": null, "arguments": {}}']
)
def test_a_poisoned_message_goes_to_the_dead_letters_and_harms_no_other(
    world: World, body: str
) -> None:
    world.reach_step("Tok3nFirst")
    world.send_text(body or " ")
    world.reach_step("Tok3nThird")
    world.deliver()
    assert len(world.customization_jobs()) == 2
    world.settle()
    for _ in range(6):
        world.deliver()
    assert_nothing_is_amiss(world, dead_letters=1)


def test_two_invocations_never_carry_the_same_callback_at_once(world: World) -> None:
    world.reach_step()
    world.deliver()
    world.bridge().jobs.hold(TOKEN)
    with pytest.raises(BusyError, match=f"^{TOKEN}: another invocation is at work on it$"):
        world.bridge().carry(TOKEN)
    assert_nothing_is_amiss(world.settle())


def test_to_hold_twice_is_the_same_for_one_invocation(world: World) -> None:
    world.reach_step()
    world.deliver()
    jobs = world.bridge().jobs
    assert jobs.hold(TOKEN) == jobs.hold(TOKEN)


def test_an_invocation_that_outlives_its_hold_can_no_longer_change_the_record(
    world: World,
) -> None:
    world.reach_step()
    slow = world.bridge()
    world.deliver()
    record = slow.jobs.hold(TOKEN)
    world.now += 300
    world.bridge().jobs.hold(TOKEN)
    with pytest.raises(BusyError, match="this invocation held it for too long"):
        slow.jobs.save(record)


def test_a_stop_that_meets_a_busy_callback_is_left_to_the_sweep(world: World) -> None:
    world.job_ends = None
    world.reach_step()
    world.deliver()
    busy = world.bridge()
    busy.jobs.hold(TOKEN)
    world.stop_step()
    world.deliver()
    assert world.waiting(world.queue) == 0
    busy.jobs.release(TOKEN)
    world.now += 300
    world.sweep()
    assert world.customization_jobs()[f"fmo-abc123def456-{TOKEN}"].status == "Stopped"
    assert_nothing_is_amiss(world.settle())


def test_a_stop_while_the_job_is_being_started_stops_it(world: World) -> None:
    world.job_ends = None
    world.reach_step()
    other = world.bridge()
    world.wire.meanwhile = ("create_model_customization_job", lambda: stop(other))
    world.deliver()
    assert world.customization_jobs()[f"fmo-abc123def456-{TOKEN}"].status == "Stopped"
    assert_nothing_is_amiss(world.settle())


def stop(bridge: Bridge) -> None:
    body = {"token": TOKEN, "status": "Stopping", "arguments": ARGUMENTS}
    bridge.receive(json.dumps(body))


def test_a_job_that_is_gone_fails_its_own_callback_and_no_other(world: World) -> None:
    world.events_arrive = False
    tokens = ("Tok3nNum01", "Tok3nNum02", "Tok3nNum03")
    for token in tokens:
        world.reach_step(token)
    world.deliver()
    del backend("bedrock").model_customization_jobs["fmo-abc123def456-Tok3nNum02"]
    world.settle()
    reasons = [world.answers(token)[0].get("reason") for token in tokens]
    gone = "fmo-abc123def456-Tok3nNum02 failed: Bedrock has no job of this name any more"
    assert reasons == [None, gone, None]
    assert_nothing_is_amiss(world)
