"""Runs of Glue jobs, which have neither a name nor a client token."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator.bridge.faults import NotNowError, RefusedError
from orchestrator.bridge.services.glue import STATES, Glue
from tests.bridge.wire import Wire
from tests.bridge.world import (
    TOKEN,
    World,
    assert_nothing_is_amiss,
    backend,
    client,
    glue_runs,
    make_glue_job,
)

KEY = f"fmo-abc123def456-{TOKEN}"
REQUEST: dict[str, Any] = {"JobName": "clean", "Arguments": {"--rows": "10"}}


def glue(world: World) -> Glue:
    service: Glue = world.services(Wire())["glue"]
    return service


def runs() -> list[object]:
    return list(backend("glue").jobs["clean"].job_runs)


def test_a_run_answers_its_callback(world: World) -> None:
    make_glue_job()
    world.reach_step(service="glue", request=REQUEST, outputs={"rows": "s3://acme/rows/"})
    [answer] = world.settle().answers()
    [run] = backend("glue").jobs["clean"].job_runs
    assert answer["outputs"] == {
        "execution_seconds": "123",
        "job_name": "clean",
        "job_run_id": run.job_run_id,
        "rows": "s3://acme/rows/",
    }
    assert run.arguments == {"--rows": "10", "--fmo_callback": KEY}
    assert_nothing_is_amiss(world)


def test_an_event_of_glue_is_about_a_run(world: World) -> None:
    detail = {"jobName": "clean", "jobRunId": "jr_1", "state": "SUCCEEDED"}
    event: dict[str, Any] = {"source": "aws.glue", "detail": detail}
    assert glue(world).job_of(event) == "clean/jr_1"
    assert glue(world).job_of({**event, "source": "aws.bedrock"}) is None
    assert glue(world).job_of({"source": "aws.glue", "detail": {"jobName": "clean"}}) is None


def test_a_run_whose_answer_was_lost_is_found_by_its_key(world: World) -> None:
    make_glue_job()
    job_id = glue(world).start(REQUEST, KEY)
    assert glue(world).find(REQUEST, KEY) == job_id
    assert glue(world).find(REQUEST, "fmo-other-Tok3nOther") is None


def test_a_run_is_found_among_more_than_a_page_of_runs(world: World) -> None:
    make_glue_job(concurrent=300)
    first = glue(world).start(REQUEST, KEY)
    for number in range(200):
        client("glue").start_job_run(JobName="clean", Arguments={"--number": str(number)})
    assert glue(world).find(REQUEST, KEY) == first


def test_while_a_new_run_is_not_seen_yet_the_job_takes_no_second_one(world: World) -> None:
    """The window between StartJobRun and its run in GetJobRuns."""
    make_glue_job()
    glue(world).start(REQUEST, KEY)
    with pytest.raises(NotNowError, match=r"^ConcurrentRunsExceededException: "):
        glue(world).start(REQUEST, KEY)
    assert len(runs()) == 1


def test_a_job_that_allows_concurrent_runs_keeps_that_window_open(world: World) -> None:
    make_glue_job(concurrent=2)
    glue(world).start(REQUEST, KEY)
    glue(world).start(REQUEST, KEY)
    assert glue_runs() == [KEY, KEY]


def test_a_job_that_is_taken_is_waited_for(world: World) -> None:
    make_glue_job()
    client("glue").start_job_run(JobName="clean", Arguments={"--fmo_callback": "others"})
    world.reach_step(service="glue", request=REQUEST)
    world.deliver()
    assert glue_runs() == ["others"]
    assert world.open_records() == [TOKEN]
    [answer] = world.settle().answers()
    assert answer["succeeded"]
    assert glue_runs() == ["others", KEY]
    assert_nothing_is_amiss(world)


def test_a_job_that_is_not_there_fails_the_callback(world: World) -> None:
    world.reach_step(service="glue", request=REQUEST)
    [answer] = world.settle().answers()
    assert answer["reason"].startswith("EntityNotFoundException: ")


def test_a_stopped_execution_stops_the_run(world: World) -> None:
    make_glue_job()
    world.reach_step(service="glue", request=REQUEST)
    world.deliver()
    world.stop_step()
    [answer] = world.settle().answers()
    assert re.fullmatch(r"clean/jr_[0-9a-f]+ stopped: STOPPED", answer["reason"])
    assert_nothing_is_amiss(world)


def test_a_run_that_cannot_be_stopped_says_why(world: World) -> None:
    make_glue_job()
    job_id = glue(world).start(REQUEST, KEY)
    glue(world).stop(job_id)
    with pytest.raises(RefusedError, match="ended"):
        glue(world).stop(job_id)


def test_a_run_that_is_gone_has_failed(world: World) -> None:
    make_glue_job()
    status = glue(world).describe("clean/jr_gone")
    assert (status.state, status.reason) == ("Failed", "Glue has no such run any more")


def test_every_state_of_glue_is_known() -> None:
    shapes = client("glue").meta.service_model
    assert set(STATES) == set(shapes.shape_for("JobRunState").enum)
