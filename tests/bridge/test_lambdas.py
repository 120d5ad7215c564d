"""The entry points, as Lambda calls them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import boto3
import pytest

from orchestrator.bridge import lambdas
from orchestrator.bridge.lambdas import PATIENT, complete, start, sweep
from tests.bridge.world import EXECUTION, REGION, REQUEST, TOKEN, World


@dataclass
class Invocation:
    """Lambda's context."""

    aws_request_id: str = "invocation-1"
    seconds_left: int = 60

    def get_remaining_time_in_millis(self) -> int:
        return self.seconds_left * 1000


@pytest.fixture
def account(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("FMO_BRIDGE_TABLE", "jobs")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # An earlier test may have left some, of another region.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    lambdas._client.cache_clear()
    world.reach_step()
    return world


def batch(*bodies: str) -> dict[str, object]:
    records = [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]
    return {"Records": records}


MESSAGE = json.dumps(
    {
        "token": TOKEN,
        "pipelineExecutionArn": EXECUTION,
        "arguments": {"service": "bedrock", "request": REQUEST},
        "status": "Executing",
    }
)


def test_a_callback_goes_from_the_queue_to_its_answer(account: World) -> None:
    assert start(batch(MESSAGE), Invocation()) == {"batchItemFailures": []}
    [job] = account.customization_jobs().values()
    job.status = "Completed"
    event = {"source": "aws.bedrock", "detail": {"jobName": job.job_name}}
    complete(event, Invocation("invocation-2"))
    assert account.answers()[0]["succeeded"]


def test_a_message_that_fails_is_returned_alone(account: World) -> None:
    answer = start(batch("poison", MESSAGE), Invocation())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(account.customization_jobs()) == 1


def test_the_sweeper_answers_what_no_event_came_for(account: World) -> None:
    start(batch(MESSAGE), Invocation())
    [job] = account.customization_jobs().values()
    job.status = "Failed"
    client_clock(account, 1_000)
    sweep({}, Invocation("invocation-2"))
    assert not account.answers()[0]["succeeded"]


def test_the_sweeper_counts_an_error_where_a_callback_cannot_be_carried(account: World) -> None:
    start(batch(MESSAGE), Invocation())
    [job] = account.customization_jobs().values()
    job.status = "Unheard-of"
    client_clock(account, 1_000)
    with pytest.raises(RuntimeError, match=r"^1 callbacks could not be carried; the log says why$"):
        sweep({}, Invocation("invocation-2"))


def test_the_sweeper_takes_up_nothing_when_its_time_is_over(account: World) -> None:
    start(batch(MESSAGE), Invocation())
    client_clock(account, 1_000)
    [job] = account.customization_jobs().values()
    job.status = "Completed"
    sweep({}, Invocation("invocation-2", seconds_left=20))
    assert account.answers() == []


def client_clock(account: World, seconds: int) -> None:
    """Let the one record look as if it was touched `seconds` ago: these functions have no clock."""
    item = account.records()[0]
    item["touched_at"] = {"N": str(int(item["touched_at"]["N"]) - seconds)}
    from_table = account.bridge().jobs
    from_table.client.client.put_item(TableName="jobs", Item=item)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("account")
def test_calls_are_repeated_at_most_three_times_and_starts_of_glue_never() -> None:
    assert PATIENT.retries == {"mode": "standard", "total_max_attempts": 4}
    assert attempts("bedrock") == 4
    assert attempts("glue") == 1


def attempts(service: str) -> int:
    config = lambdas.all_services()[service].client.meta.config  # type: ignore[attr-defined]
    return int(config.retries["total_max_attempts"])
