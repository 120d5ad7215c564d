"""Executions on AWS: started, watched to their end, and read as results like local ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.clients import Aws
from orchestrator.aws.executions import read_execution, region_of, stop, with_outputs
from orchestrator.aws.starts import instances_of, plan_start, start
from orchestrator.aws.watch import watch
from orchestrator.errors import InputError, NotFoundError, UnavailableError
from orchestrator.results.events import ExecutionEnded, ExecutionStarted, StepEnded, StepStarted
from orchestrator.results.model import execution_from_json, execution_to_json
from orchestrator.results.report import render_report
from tests.aws.account import BUCKET
from tests.aws.strict_moto import NOW, fail_at

if TYPE_CHECKING:
    from orchestrator.results.events import Event
    from tests.aws.faults import Faults


def started_with(deployed: str, aws: Aws, **parameters: str) -> str:
    return start(plan_start(deployed, parameters, aws), aws)


def ended(arn: str, aws: Aws) -> tuple[Any, list[Event]]:
    events: list[Event] = []
    seen = watch(arn, aws, events.append, now=lambda: NOW, wait=lambda: None)
    return seen, events


def test_what_would_run_is_told_before_it_is_started(deployed: str, aws: Aws) -> None:
    planned = plan_start(deployed, {"Smoke": "True", "Limit": "03"}, aws)
    assert planned.parameters == {"Smoke": "true", "Limit": "3"}
    assert planned.instances == {"prepare": "1 x ml.m5.xlarge", "sft": "2 x ml.g5.2xlarge"}
    listed = aws.call("sagemaker", "ListPipelineExecutions", PipelineName=deployed)
    assert listed["PipelineExecutionSummaries"] == []


def test_of_preferred_instances_each_is_told() -> None:
    preferred = [
        {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 2},
        {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 2},
    ]
    told = instances_of({"ResourceConfig": {"InstancePreferences": preferred}})
    assert told == "2 x ml.g5.2xlarge or 2 x ml.g6.2xlarge"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Limt": "3"}, "parameters.Limt: there is no such parameter. Did you mean 'Limit'?"),
        ({"Limit": "many"}, "parameters.Limit: expected a whole number, found 'many'."),
    ],
)
def test_a_wrong_parameter_starts_nothing(
    deployed: str, aws: Aws, parameters: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan_start(deployed, parameters, aws)
    assert said in str(caught.value)


def test_a_pipeline_that_is_not_deployed_cannot_be_started(aws: Aws) -> None:
    with pytest.raises(NotFoundError, match=r"pipeline 'gone': it is not deployed in eu-cent"):
        plan_start("gone", {}, aws)


def test_an_answer_that_is_lost_starts_no_second_execution(
    deployed: str, session: Any, faults: Faults
) -> None:
    aws = Aws(session, "eu-central-1")
    planned = plan_start(deployed, {}, aws)
    faults.set("reset", 1, after=True)
    start(planned, aws)
    assert faults.calls == ["sagemaker.StartPipelineExecution"] * 2
    listed = aws.call("sagemaker", "ListPipelineExecutions", PipelineName=deployed)
    assert len(listed["PipelineExecutionSummaries"]) == 1


def test_an_execution_is_watched_to_its_end_and_read_like_a_local_one(
    deployed: str, aws: Aws
) -> None:
    arn = started_with(deployed, aws, Smoke="true")
    seen, events = ended(arn, aws)
    told = [
        (type(event).__name__, getattr(event, "step", None) or getattr(event.result, "name", ""))
        for event in events
        if isinstance(event, StepStarted | StepEnded)
    ]
    assert told == [
        (kind, step) for step in ("prepare", "gate", "sft") for kind in ("StepStarted", "StepEnded")
    ]
    assert isinstance(events[0], ExecutionStarted)
    assert isinstance(events[-1], ExecutionEnded)
    result = seen.result
    assert (result.status, result.pipeline_name, result.is_smoke) == ("Succeeded", "words", True)
    assert result.parameters == {"Smoke": True, "Limit": 5}
    assert [step.name for step in result.steps] == ["prepare", "gate", "sft", "no"]
    assert result["sft"].branch == ("gate", "if")
    assert result["sft"].depends_on == ("prepare",)
    assert result["sft"].metrics == {"loss": 1.5}
    assert result["sft"].outputs["model"].endswith("/output/model/")
    assert result["gate"].condition_outcome is True
    assert result["no"].status == "NotStarted"
    assert result.ended_at is not None
    assert execution_from_json(execution_to_json(result)) == result


def test_what_steps_wrote_is_read_from_the_bucket_and_shown_in_the_report(
    deployed: str, aws: Aws
) -> None:
    arn = started_with(deployed, aws)
    seen, _ = ended(arn, aws)
    key = f"{seen.result['prepare'].outputs['metrics']}/metrics.json".split("/", 3)[3]
    aws.put(BUCKET, key, b'{"rows": 77123}')
    model = seen.result["sft"].outputs["model"].split("/", 3)[3]
    aws.put(BUCKET, f"{model}trainer_log.jsonl", b'{"step": 1, "train/loss": 3.5}\n')
    result = with_outputs(seen.result, aws)
    assert result["prepare"].metrics == {"rows": 77123}
    assert result["sft"].history == ({"step": 1, "train/loss": 3.5},)
    page = render_report(result, logs={})
    assert "77,123" in page
    assert "sft" in page


def test_a_failed_step_fails_the_execution_and_says_why(deployed: str, aws: Aws) -> None:
    arn = started_with(deployed, aws)
    fail_at("prepare")
    seen, _ = ended(arn, aws)
    assert seen.result.status == "Failed"
    assert seen.result.failure_reason == "Step failure: One or multiple steps failed."
    assert seen.result["prepare"].failure_reason == (
        "AlgorithmError: ValueError: no rows, exit code: 1"
    )
    assert seen.result["sft"].status == "NotStarted"


def test_a_running_job_tells_its_state(deployed: str, aws: Aws) -> None:
    arn = started_with(deployed, aws)
    seen = read_execution(arn, aws)
    assert seen.result["prepare"].status == "Executing"
    assert seen.jobs["prepare"].state == "InProgress"
    assert not seen.has_ended


def test_stopping_stops_what_runs_and_is_no_error_the_second_time(deployed: str, aws: Aws) -> None:
    arn = started_with(deployed, aws)
    read_execution(arn, aws)
    assert stop(arn, aws) == "Stopping"
    assert stop(arn, aws) == "Stopping"
    seen, _ = ended(arn, aws)
    assert seen.result.status == "Stopped"
    assert stop(arn, aws) == "Stopped"


def test_a_fault_while_watching_is_told_and_watching_again_goes_on(
    deployed: str, aws: Aws, faults: Faults
) -> None:
    arn = started_with(deployed, aws)
    faults.set("unavailable", 9)
    with pytest.raises(UnavailableError):
        ended(arn, aws)
    faults.set("unavailable", 0)
    assert ended(arn, aws)[0].result.status == "Succeeded"


def test_an_execution_that_is_not_there_is_not_found(aws: Aws) -> None:
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:pipeline/words/execution/abc123"
    with pytest.raises(NotFoundError, match="DescribePipelineExecution: there is no such thing"):
        read_execution(arn, aws)


def test_the_region_is_read_from_the_arn() -> None:
    arn = "arn:aws-cn:sagemaker:cn-north-1:123456789012:pipeline/words/execution/abc123"
    assert region_of(arn) == "cn-north-1"
    with pytest.raises(InputError, match=r"'arn:aws:s3:::x' is not the ARN of an execution\. Give"):
        region_of("arn:aws:s3:::x")
