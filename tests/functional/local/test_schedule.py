"""Order, branches, failures and retries of whole executions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.definition.conditions import Comparison, In, Not, Or
from orchestrator.definition.expressions import Get, Join, JsonGet, JsonGetS3
from orchestrator.definition.model import Parameter, PropertyFile, RetryPolicy, Step
from orchestrator.errors import DefinitionError, InputError
from orchestrator.local.handlers import Handlers
from orchestrator.local.history import list_executions, list_models, load_result
from orchestrator.local.run import RunOptions, resume_execution
from orchestrator.results.events import (
    ExecutionEnded,
    ExecutionStarted,
    StepEnded,
    StepLog,
    StepProgress,
    StepRetried,
    StepStarted,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

WRITE = "(ml / 'processing/output/data/x.txt').write_text('from a')"


class FakeClock:
    """Time that passes only when somebody waits for a retry."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.time

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.time += timedelta(seconds=seconds)
        return stop.is_set()


def test_a_step_reads_what_the_step_before_it_wrote(
    lab: Any, read_output: Callable[[str, str], Any]
) -> None:
    copy = """
        text = (ml / 'processing/input/data/x.txt').read_text()
        (ml / 'processing/output/data/y.txt').write_text(text + ' to b')
    """
    result = lab.run(
        lab.processing("b", copy, inputs={"data": read_output("a", "data")}, outputs=["data"]),
        lab.processing("a", WRITE, outputs=["data"]),
    )
    assert result.status == "Succeeded", result.failure_reason
    assert lab.text(result, "b", "data", "y.txt") == "from a to b"
    assert result.step("b").depends_on == ("a",)


def test_a_run_tells_its_listener_each_thing_that_happens(lab: Any) -> None:
    result = lab.run(lab.processing("a", "print('progress step=1/4 train/loss=2.5')\nprint('hi')"))
    kinds = [type(event) for event in lab.events]
    assert kinds == [
        ExecutionStarted,
        StepStarted,
        StepProgress,
        StepLog,
        StepEnded,
        ExecutionEnded,
    ]
    progress = lab.events[2]
    assert (progress.current, progress.total, progress.metrics) == (1, 4, {"train/loss": 2.5})
    assert lab.events[-1].result == result
    assert load_result(lab.home, result.execution_id) == result
    assert [item.execution_id for item in list_executions(lab.home)] == [result.execution_id]


def test_branches_run_at_the_same_time(lab: Any, tmp_path: Any) -> None:
    # Each waits for the other: one after the other, neither would end before its limit.
    meet = """
        import time
        here, there = sys.argv[1:]
        pathlib.Path(here).touch()
        while not pathlib.Path(there).exists():
            time.sleep(0.01)
    """
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    result = lab.run(
        lab.processing("left", meet, arguments=[one, two], seconds=20),
        lab.processing("right", meet, arguments=[two, one], seconds=20),
        workers=2,
    )
    assert result.status == "Succeeded", result.failure_reason


def test_one_worker_runs_one_step_after_the_other(lab: Any) -> None:
    lab.run(lab.processing("a", ""), lab.processing("b", ""), workers=1)
    told = [
        (type(event), event.step if isinstance(event, StepStarted) else event.result.name)
        for event in lab.events
        if isinstance(event, StepStarted | StepEnded)
    ]
    assert told == [(StepStarted, "a"), (StepEnded, "a"), (StepStarted, "b"), (StepEnded, "b")]


def test_a_failed_step_lets_running_steps_end_and_no_new_step_start(
    lab: Any, tmp_path: Any
) -> None:
    started = tmp_path / "started"
    slow = """
        import time
        pathlib.Path(sys.argv[1]).touch()
        time.sleep(0.6)
    """
    fail = """
        import time
        while not pathlib.Path(sys.argv[1]).exists():
            time.sleep(0.01)
        sys.exit(3)
    """
    result = lab.run(
        lab.processing("slow", slow, arguments=[str(started)]),
        lab.processing("fails", fail, arguments=[str(started)]),
        lab.processing("after-fails", "", depends_on=("fails",)),
        lab.processing("after-slow", "", depends_on=("slow",)),
    )
    statuses = {step.name: step.status for step in result.steps}
    assert statuses == {
        "slow": "Succeeded",
        "fails": "Failed",
        "after-fails": "NotStarted",
        "after-slow": "NotStarted",
    }
    assert result.status == "Failed"
    assert result.failure_reason == "step 'fails' failed: exit code 3"


@pytest.mark.parametrize(("score", "ran"), [(0.9, "good"), (0.1, "bad")])
def test_a_condition_runs_one_of_its_branches(lab: Any, score: float, ran: str) -> None:
    metrics = f"""
        import json
        path = ml / 'processing/output/metrics/metrics.json'
        path.write_text(json.dumps({{'score': {score}}}))
    """
    read = JsonGet("measure", "Report", "score")
    result = lab.run(
        lab.processing(
            "measure",
            metrics,
            outputs=["metrics"],
            property_files=(PropertyFile("Report", "metrics", "metrics.json"),),
        ),
        Step(
            "check",
            "Condition",
            conditions=(Comparison("GreaterThanOrEqualTo", read, 0.5),),
            if_steps=(
                lab.processing("good", ""),
                Step(
                    "check-more",
                    "Condition",
                    conditions=(Not(In(read, [0.9])),),
                    if_steps=(lab.processing("never", ""),),
                    else_steps=(lab.processing("nested", "", depends_on=("good",)),),
                ),
            ),
            else_steps=(lab.processing("bad", ""),),
        ),
    )
    assert result.status == "Succeeded", result.failure_reason
    done = {step.name for step in result.steps if step.status == "Succeeded"}
    more = {"check-more", "nested"} if ran == "good" else set()
    assert done == {"measure", "check", ran} | more
    assert result.step("check").condition_outcome is (ran == "good")
    assert result.step("check").conditions == (f"score {score} >= 0.5",)
    assert result.step("bad").branch == ("check", "else")
    assert result.step("measure").metrics == {"score": score}


def test_a_condition_reads_json_from_any_uri(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/limits.json", b'{"max": [1, {"loss": 4}]}')
    value = JsonGetS3(Join("", ["s3://lab/", "limits", ".json"]), "max[1].loss")
    result = lab.run(
        Step(
            "check",
            "Condition",
            conditions=(Or([Comparison("Equals", 1, 2), Comparison("LessThan", 3, value)]),),
            else_steps=(Step("stop", "Fail", {"ErrorMessage": "too large"}),),
        )
    )
    assert result.status == "Succeeded"
    assert result.step("check").conditions == ("1 == 2 or 3 < loss 4",)


def test_a_fail_step_fails_the_execution_with_its_message(lab: Any) -> None:
    message = Join(" ", ["loss is above", Get("Parameters.Bound")])
    result = lab.run(
        Step("stop", "Fail", {"ErrorMessage": message}),
        parameters=[Parameter("Bound", "Float", 0.5)],
    )
    assert result.status == "Failed"
    assert result.step("stop").failure_reason == "loss is above 0.5"


def test_a_missing_metric_fails_the_condition_and_names_what_is_there(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/m.json", b'{"loss": 4}')
    value = JsonGetS3("s3://lab/m.json", "accuracy")
    result = lab.run(Step("check", "Condition", conditions=(Comparison("Equals", value, 1),)))
    assert result.status == "Failed"
    assert "there is no 'accuracy' in metrics.json (found: loss)" in str(
        result.step("check").failure_reason
    )


def test_a_fault_is_tried_again_with_growing_waits(lab: Any) -> None:
    fault = "(ml / 'output/message').write_text('CapacityError: none left'); sys.exit(1)"
    policy = RetryPolicy(
        ("SageMaker.CAPACITY_ERROR",), interval_seconds=5, backoff_rate=3.0, max_attempts=2
    )
    clock = FakeClock()
    result = lab.run(lab.processing("a", fault, retry_policies=(policy,)), clock=clock)
    assert result.status == "Failed"
    assert result.step("a").attempts == 3
    assert clock.waits == [5, 15]
    retried = [event for event in lab.events if isinstance(event, StepRetried)]
    assert [(event.attempt, event.wait_seconds) for event in retried] == [(1, 5), (2, 15)]
    assert result.step("a").failure_reason == "CapacityError: none left"


def test_an_error_of_the_script_is_not_tried_again(lab: Any) -> None:
    policy = RetryPolicy(("SageMaker.JOB_INTERNAL_ERROR", "Step.SERVICE_FAULT"), max_attempts=3)
    result = lab.run(lab.processing("a", "sys.exit(1)", retry_policies=(policy,)))
    assert result.step("a").attempts == 1


def test_a_lambda_step_calls_a_function_of_this_process(lab: Any) -> None:
    def double(event: Any, _: object) -> Any:
        return {"twice": event["n"] * 2, "unused": 1}

    step = Step(
        "double",
        "Lambda",
        {"n": 21},
        extra={
            "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:double:live",
            "OutputParameters": [{"OutputName": "twice", "OutputType": "Integer"}],
        },
    )
    check = Comparison("Equals", Get("Steps.double.OutputParameters['twice']"), 42)
    result = lab.run(
        step,
        Step("check", "Condition", conditions=(check,)),
        options=RunOptions(handlers=Handlers(lambdas={"double": double})),
    )
    assert result.step("check").conditions == ("42 == 42",)


def test_a_lambda_step_calls_a_handler_from_a_file(lab: Any) -> None:
    lab.home.lambdas.mkdir(parents=True)
    (lab.home.lambdas / "greet.py").write_text(
        "def handler(event, context):\n    return {'text': 'hello ' + event['name']}\n"
    )
    extra = {
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:greet",
        "OutputParameters": [{"OutputName": "text", "OutputType": "String"}],
    }
    result = lab.run(
        Step("greet", "Lambda", {"name": "you"}, extra=extra),
        Step("say", "Fail", {"ErrorMessage": Get("Steps.greet.OutputParameters['text']")}),
    )
    assert result.step("say").failure_reason == "hello you"


def test_a_handler_that_raises_fails_its_step(lab: Any) -> None:
    def broken(_: Any) -> Any:
        message = "no luck"
        raise ValueError(message)

    url = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
    result = lab.run(
        Step("ask", "Callback", {"x": 1}, extra={"SqsQueueUrl": url}),
        options=RunOptions(handlers=Handlers(callbacks={"jobs": broken})),
    )
    assert result.step("ask").failure_reason == "ValueError: no luck"


def test_a_callback_step_sends_the_message_sagemaker_would(lab: Any) -> None:
    messages = []

    def answer(message: Any) -> Any:
        messages.append(message)
        return {"job": "done"}

    url = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
    extra = {
        "SqsQueueUrl": url,
        "OutputParameters": [{"OutputName": "job", "OutputType": "String"}],
    }
    result = lab.run(
        Step("ask", "Callback", {"x": 1}, extra=extra),
        options=RunOptions(handlers=Handlers(callbacks={"jobs": answer})),
    )
    assert result.status == "Succeeded"
    assert set(messages[0]) == {"token", "pipelineExecutionArn", "arguments", "status"}
    assert len(messages[0]["token"]) == 10
    assert messages[0]["arguments"] == {"x": 1}


def test_a_registered_model_is_listed_with_metrics_and_card(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/m.json", b'{"accuracy": 0.9}')
    card = json.dumps({"model_overview": {"model_name": "tiny"}})
    request = {
        "ModelPackageGroupName": "assistants",
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [
                {"Image": "x", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://lab/model/"}}}
            ]
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": "s3://lab/m.json"}
            }
        },
        "ModelCard": {"ModelCardContent": card, "ModelCardStatus": "Draft"},
    }
    first = lab.run(Step("publish", "RegisterModel", request))
    second = lab.run(Step("publish", "RegisterModel", request))
    newest, oldest = list_models(lab.home)
    assert (newest.version, oldest.version) == (2, 1)
    assert newest.execution_id == second.execution_id
    assert newest.metrics == {"accuracy": 0.9}
    assert newest.model_card == {"model_overview": {"model_name": "tiny"}}
    assert newest.artifacts == ("s3://lab/model/",)
    assert newest.approval_status == "Approved"
    assert first.step("publish").outputs["model_package_arn"].endswith("assistants/1")


def test_resuming_a_succeeded_execution_runs_nothing(lab: Any) -> None:
    result = lab.run(lab.processing("a", ""))
    events: list[Any] = []
    again = resume_execution(result.execution_id, lab.home, listener=events.append)
    assert again == result
    assert events == []


def test_resuming_a_failed_execution_runs_the_failed_step_and_what_follows(
    lab: Any, tmp_path: Any
) -> None:
    flag = tmp_path / "fixed"
    code = "sys.exit(0 if pathlib.Path(sys.argv[1]).exists() else 1)"
    result = lab.run(
        lab.processing("a", ""),
        lab.processing("b", code, arguments=[str(flag)], depends_on=("a",)),
        lab.processing("c", "", depends_on=("b",)),
    )
    assert result.status == "Failed"
    flag.touch()
    events: list[Any] = []
    again = resume_execution(result.execution_id, lab.home, listener=events.append)
    assert again.status == "Succeeded"
    assert [event.step for event in events if isinstance(event, StepStarted)] == ["b", "c"]
    assert again.step("b").attempts == 2
    began, stopped = again.step("b").started_at, result.ended_at
    assert began is not None
    assert stopped is not None
    assert began > stopped, "the time between the two is none that the step took"


def test_what_the_system_refuses_one_step_lets_others_end(lab: Any) -> None:
    (lab.home.executions / "x").mkdir(parents=True)
    (lab.home.executions / "x" / "refused").write_text("in the way")
    result = lab.run(
        lab.processing("refused", ""),
        lab.processing("beside", "import time; time.sleep(0.2)"),
        execution_id="x",
    )
    assert result.status == "Failed"
    assert "Not a directory" in str(result.step("refused").failure_reason)
    assert result.step("beside").status == "Succeeded"


def test_a_circle_of_steps_is_named_before_anything_starts(lab: Any) -> None:
    with pytest.raises(DefinitionError, match=r"steps\.b: it waits for itself"):
        lab.run(
            lab.processing("a", "", depends_on=("b",)),
            lab.processing("b", "", depends_on=("a",)),
            lab.processing("c", ""),
        )
    assert not lab.home.executions.exists()


def test_an_unknown_execution_is_named_with_the_latest_ones(lab: Any) -> None:
    result = lab.run(lab.processing("a", ""))
    with pytest.raises(InputError, match=result.execution_id):
        resume_execution("nope", lab.home)
