"""Retrying: what runs again is told before, what succeeded is kept, and it happens once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.aws.executions import read_execution, stop
from orchestrator.aws.retry import plan_retry, retry, steps_to_run
from orchestrator.aws.watch import watch
from orchestrator.errors import InputError, UnavailableError
from orchestrator.results.model import ExecutionResult, StepResult
from tests.aws.strict_moto import NOW, fail_at, mend

if TYPE_CHECKING:
    from orchestrator.aws.clients import Aws
    from tests.aws.faults import Faults


def ended(arn: str, aws: Aws) -> ExecutionResult:
    return watch(arn, aws, lambda _: None, now=lambda: NOW, wait=lambda: None).result


def test_what_failed_runs_again_and_what_succeeded_is_kept(started: str, aws: Aws) -> None:
    fail_at("sft")
    assert ended(started, aws).status == "Failed"
    planned = plan_retry(started, aws)
    assert planned.kept == ("prepare", "gate")
    assert planned.again == {"sft": "2 x ml.g5.2xlarge"}
    mend("sft")
    retry(planned, aws)
    again = ended(started, aws)
    assert again.status == "Succeeded"
    assert [step.status for step in again.steps] == ["Succeeded"] * 3 + ["NotStarted"]


def test_what_was_stopped_runs_again(started: str, aws: Aws) -> None:
    read_execution(started, aws)
    stop(started, aws)
    assert ended(started, aws).status == "Stopped"
    planned = plan_retry(started, aws)
    assert planned.kept == ()
    assert list(planned.again) == ["prepare", "gate", "sft", "no"]
    retry(planned, aws)
    assert ended(started, aws).status == "Succeeded"


def test_an_execution_that_runs_or_succeeded_is_not_retried(started: str, aws: Aws) -> None:
    with pytest.raises(InputError, match=r"it still runs\. Only what failed or was stopped can be"):
        plan_retry(started, aws)
    ended(started, aws)
    with pytest.raises(InputError, match="it succeeded"):
        plan_retry(started, aws)


def test_what_a_gate_ended_is_not_retried(started: str, aws: Aws) -> None:
    fail_at("gate")
    assert ended(started, aws).status == "Failed"
    with pytest.raises(InputError) as caught:
        plan_retry(started, aws)
    assert str(caught.value).partition(": ")[2] == (
        "no ended it on purpose (no). Tried again it would say the same. Change the spec or the "
        "data, then `fmo start`."
    )


def test_steps_on_the_side_that_was_not_taken_do_not_run() -> None:
    steps = (
        StepResult("gate", "Condition", status="Succeeded", condition_outcome=False),
        StepResult("sft", "Training", branch=("gate", "if")),
        StepResult("inner", "Condition", branch=("gate", "if")),
        StepResult("deeper", "Training", branch=("inner", "else")),
        StepResult("other", "Training", status="Failed", branch=("gate", "else")),
    )
    result = ExecutionResult("abc", "words", "Failed", NOW, NOW, steps)
    assert [step.name for step in steps_to_run(result)] == ["other"]


def test_a_retry_whose_answer_is_lost_happens_once(started: str, aws: Aws, faults: Faults) -> None:
    fail_at("sft")
    ended(started, aws)
    planned = plan_retry(started, aws)
    faults.set("reset", 1, after=True)
    with pytest.raises(UnavailableError):
        retry(planned, aws)
    faults.set("reset", 0)
    retry(planned, aws)
    with pytest.raises(InputError, match="it still runs"):
        plan_retry(started, aws)
