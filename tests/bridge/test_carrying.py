"""From the message of a callback step to its answer."""

from __future__ import annotations

import json

from tests.bridge.world import EXECUTION, REQUEST, TOKEN, World, assert_nothing_is_amiss

KEY = f"fmo-abc123def456-{TOKEN}"


def test_a_job_that_completes_answers_its_callback_with_outputs(world: World) -> None:
    world.reach_step(outputs={"rows": "s3://acme/rows.jsonl"})
    world.deliver()
    assert world.answers() == []
    assert world.customization_jobs()[KEY].client_request_token == KEY
    world.end_jobs()
    world.deliver_events()
    [answer] = world.answers()
    assert answer["succeeded"]
    assert answer["outputs"]["rows"] == "s3://acme/rows.jsonl"
    assert answer["outputs"]["job_name"] == KEY
    assert answer["outputs"]["output_uri"] == f"s3://acme/out/model-customization-job-{KEY}/"
    assert answer["outputs"]["training_loss"] == "0.0"
    assert_nothing_is_amiss(world)


def test_a_job_that_fails_answers_with_the_reason_of_the_service(world: World) -> None:
    world.job_ends = "Failed"
    world.reach_step()
    world.settle()
    [answer] = world.answers()
    assert answer["reason"] == f"{KEY} failed: Failure Message"
    assert_nothing_is_amiss(world)


def test_a_request_may_be_written_as_json_text(world: World) -> None:
    world.reach_step(request=json.dumps(REQUEST))
    assert world.settle().answers()[0]["succeeded"]


def test_what_the_service_refuses_is_the_reason_of_the_failure(world: World) -> None:
    world.reach_step(request={**REQUEST, "trainingDataConfig": {"s3Uri": "./rows.jsonl"}})
    [answer] = world.settle().answers()
    assert answer["reason"].startswith("ValidationException: ")
    assert "Input validation failed." in answer["reason"]
    assert world.customization_jobs() == {}


def test_a_member_that_the_service_does_not_know_is_named(world: World) -> None:
    world.reach_step(request={**REQUEST, "epochs": 2})
    [answer] = world.settle().answers()
    assert 'Unknown parameter in input: "epochs"' in answer["reason"]


def test_wrong_arguments_fail_the_callback_with_every_problem(world: World) -> None:
    world.reach_step(service="bedrok", request=7, outputs={"rows": 7})
    [answer] = world.settle().answers()
    assert answer["reason"] == (
        "arguments.service: there is no 'bedrok'. Write one of bedrock, bedrock_import, glue. "
        "arguments.request: it is no object. Write what the service is asked. "
        "arguments.outputs: it is no object of texts. Write name and text of each."
    )
    assert_nothing_is_amiss(world)


def test_outputs_that_sagemaker_refuses_fail_the_callback(world: World) -> None:
    world.reach_step(declared=frozenset({"model"}))
    [answer] = world.settle().answers()
    assert answer["reason"].startswith("its outputs were refused: ValidationException")
    assert_nothing_is_amiss(world)


def test_a_callback_that_nobody_waits_for_is_closed(world: World) -> None:
    arguments = {"service": "bedrock", "request": REQUEST}
    world.send(TOKEN, arguments=arguments)
    world.settle()
    assert [item["state"]["S"] for item in world.records()] == ["Answered"]


def test_a_stopped_execution_stops_the_job_and_its_callback_is_answered(world: World) -> None:
    world.job_ends = None
    world.reach_step()
    world.deliver()
    world.stop_step()
    [answer] = world.settle().answers()
    assert answer["reason"] == f"{KEY} stopped: no reason given"
    assert world.customization_jobs()[KEY].status == "Stopped"
    assert_nothing_is_amiss(world)


def test_a_stop_that_comes_before_the_start_starts_nothing(world: World) -> None:
    world.reach_step()
    [start] = world._receive(world.queue)
    world.stop_step()
    world._delete(world.queue, [start])
    world.deliver()
    world.send_text(start["Body"])
    [answer] = world.settle().answers()
    assert answer["reason"] == "stopped before its job was started"
    assert world.customization_jobs() == {}
    assert_nothing_is_amiss(world)


def test_the_status_may_be_written_with_a_capital(world: World) -> None:
    world.reach_step()
    world.deliver()
    world.job_ends = None
    body = {"token": TOKEN, "pipelineExecutionArn": EXECUTION, "Status": "Stopping"}
    world.send_text(json.dumps(body))
    assert "stopped" in world.settle().answers()[0]["reason"]


def test_a_retried_execution_with_a_new_token_starts_the_job_anew(world: World) -> None:
    world.job_ends = "Failed"
    world.reach_step()
    world.settle()
    world.job_ends = "Completed"
    world.reach_step("Tok3nAgain")
    world.settle()
    assert not world.answers()[0]["succeeded"]
    assert world.answers("Tok3nAgain")[0]["succeeded"]
    assert len(world.customization_jobs()) == 2
    assert_nothing_is_amiss(world)


def test_a_job_that_cannot_start_for_a_day_fails_its_callback(world: World) -> None:
    world.reach_step(service="glue", request={"JobName": "clean"})
    world.wire.fault, world.wire.at = "throttled", 3
    world.deliver()
    assert world.answers() == []
    world.now += 24 * 3600
    world.wire.at = len(world.wire.calls) + 3
    world.sweep()
    [answer] = world.answers()
    assert answer["reason"].startswith("not started within a day: ThrottlingException")


def test_records_of_answered_callbacks_expire_after_sqs_forgot_their_messages(world: World) -> None:
    world.reach_step()
    world.settle()
    [record] = world.records()
    assert int(record["expires_at"]["N"]) - world.now > 14 * 24 * 3600
