"""`schedule` and `notify` on AWS: made, changed, paused, removed, and nothing of others touched."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tests.aws.strict_events  # noqa: F401 - makes moto strict
from orchestrator.aws.deploy import Deployment, carry_out, plan_deployment
from orchestrator.aws.triggers import find_trigger, set_paused
from orchestrator.bridge.starter import start_unless_running
from orchestrator.commands.deploy_view import all_changes, plan_lines, plan_to_json
from orchestrator.compiler.environment import Environment
from orchestrator.compiler.triggers import (
    compile_triggers,
    new_data_bucket,
    trigger_names,
    triggers_have_their_arns,
)
from orchestrator.errors import AwsError, InputError, SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.findings import Findings
from orchestrator.spec.load import load_spec
from tests.aws.account import BUCKET, REGION, ROLE
from tests.aws.conftest import definition
from tests.aws.moved_clock import MovedClock
from tests.aws.scheduler import Scheduler

if TYPE_CHECKING:
    import boto3

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.deploy import DeploymentPlan
    from tests.aws.faults import Faults

PAGE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text(encoding="utf-8")
TOPIC = f"arn:aws:sns:{REGION}:123456789012:ends"
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:late"
SCHEDULER = "arn:aws:iam::123456789012:role/scheduler"
PIPELINE = f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/words"
STARTER = f"arn:aws:lambda:{REGION}:123456789012:function:fmo-dev-starter"
ENVIRONMENT = Environment(
    "dev", BUCKET, ROLE, REGION,
    scheduler_role_arn=SCHEDULER, scheduler_dead_letter_arn=QUEUE, notify_topic_arn=TOPIC,
    starter_function_arn=STARTER,
)  # fmt: skip
WEEKLY = '{cron: "0 6 ? * MON *", timezone: Europe/Berlin, parameters: {Limit: 3}}'
SPEC = """\
name: words
parameters:
  Limit: {type: Integer, default: 5}
  Rows: {type: S3Uri, default: s3://acme-dev/drops/}
%s
steps:
  split: {kind: dataset, data: $params.Rows, max_rows: $params.Limit}
"""


@dataclass
class Written:
    """A spec's triggers, deployed again and again as the spec changes."""

    aws: Aws

    def plan(self, *lines: str) -> DeploymentPlan:
        plan, _ = build_plan(load_spec(SPEC % "\n".join(lines)))
        deployment = Deployment(
            "words", definition(), ROLE, BUCKET,
            triggers=lambda arn: compile_triggers(plan, ENVIRONMENT, arn),
            trigger_names=trigger_names("words"),
            new_data_bucket=new_data_bucket(plan),
        )  # fmt: skip
        return plan_deployment(deployment, self.aws)

    def deploy(self, *lines: str) -> DeploymentPlan:
        plan = self.plan(*lines)
        carry_out(plan, self.aws)
        return plan


@pytest.fixture
def written(aws: Aws, session: boto3.Session) -> Written:
    session.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return Written(aws)


def actions(plan: DeploymentPlan) -> dict[str, str]:
    return {one.trigger.name: one.action for one in plan.triggers}


def test_a_schedule_starts_the_pipeline_itself(written: Written, session: boto3.Session) -> None:
    plan = written.deploy(f"schedule: {WEEKLY}")
    assert actions(plan) == {"fmo-words": "create"}
    found = session.client("scheduler").get_schedule(Name="fmo-words")
    assert found["ScheduleExpression"] == "cron(0 6 ? * MON *)"
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert (found["State"], found["FlexibleTimeWindow"]) == ("ENABLED", {"Mode": "OFF"})
    assert found["Target"] == {
        "Arn": PIPELINE,
        "RoleArn": SCHEDULER,
        "DeadLetterConfig": {"Arn": QUEUE},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
        "SageMakerPipelineParameters": {"PipelineParameterList": [{"Name": "Limit", "Value": "3"}]},
    }


def test_a_second_deployment_changes_nothing(written: Written, faults: Faults) -> None:
    lines = (f"schedule: {WEEKLY[:-1]}, on_new_data: $params.Rows}}", "notify: {}")
    assert len(written.deploy(*lines).triggers) == 3
    faults.calls.clear()
    again = written.deploy(*lines)
    assert again.changes_nothing
    assert set(actions(again).values()) == {"none"}
    assert not [call for call in faults.calls if "Put" in call or "Schedule.Up" in call]


def test_what_changes_is_told_field_by_field(written: Written) -> None:
    written.deploy(f"schedule: {WEEKLY}")
    plan = written.plan(f"schedule: {WEEKLY.replace('6', '7').replace('3}', '4}')}")
    assert not plan.changes_nothing
    told = {change.path: (change.before, change.after) for change in all_changes(plan)}
    below = "fmo-words.Target.SageMakerPipelineParameters.PipelineParameterList"
    assert told == {
        "fmo-words.ScheduleExpression": ("cron(0 6 ? * MON *)", "cron(0 7 ? * MON *)"),
        f"{below}.Limit.Value": ("3", "4"),
    }
    line = "schedule     fmo-words cron(0 7 ? * MON *) Europe/Berlin: update, 2 changes"
    assert plan_lines(plan, "dev", REGION)[-1] == line
    carry_out(plan, written.aws)
    assert written.plan(f"schedule: {WEEKLY.replace('6', '7').replace('3}', '4}')}").changes_nothing


def test_a_key_that_goes_takes_its_trigger_with_it(
    written: Written, session: boto3.Session
) -> None:
    written.deploy(f"schedule: {WEEKLY[:-1]}, on_new_data: $params.Rows}}", "notify: {}")
    plan = written.deploy()
    assert set(actions(plan).values()) == {"delete"}
    assert session.client("scheduler").list_schedules()["Schedules"] == []
    assert session.client("events").list_rules()["Rules"] == []
    assert written.plan().triggers == ()


def test_what_somebody_else_made_is_neither_changed_nor_removed(
    written: Written, session: boto3.Session
) -> None:
    events = session.client("events")
    events.put_rule(Name="fmo-words-notify", EventPattern='{"source": ["aws.s3"]}')
    assert written.deploy().triggers == ()
    assert len(events.list_rules()["Rules"]) == 1
    with pytest.raises(InputError) as caught:
        written.plan("notify: {}")
    assert str(caught.value) == (
        "fmo-words-notify: a rule of this name is there and is not fmo's. "
        "Remove it, or rename the pipeline."
    )


def test_a_paused_schedule_stays_paused_when_it_is_deployed(
    written: Written, session: boto3.Session
) -> None:
    written.deploy(f"schedule: {WEEKLY}")
    found = find_trigger("schedule", "fmo-words", written.aws)
    assert found is not None
    set_paused(found, written.aws, is_paused=True)
    plan = written.deploy(f"schedule: {WEEKLY.replace('6', '7')}")
    schedule = session.client("scheduler").get_schedule(Name="fmo-words")
    assert (schedule["State"], schedule["ScheduleExpression"][:8]) == ("DISABLED", "cron(0 7")
    assert plan_to_json(plan, "dev", REGION)["triggers"] == [
        {"name": "fmo-words", "action": "update", "is_paused": True}
    ]
    again = find_trigger("schedule", "fmo-words", written.aws)
    assert again is not None
    set_paused(again, written.aws, is_paused=False)
    assert session.client("scheduler").get_schedule(Name="fmo-words")["State"] == "ENABLED"


def test_ends_are_told_to_the_topic(written: Written, session: boto3.Session) -> None:
    written.deploy("notify: {on_status: [Succeeded, Failed]}")
    events = session.client("events")
    rule = events.describe_rule(Name="fmo-words-notify")
    assert json.loads(rule["EventPattern"]) == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
        "detail": {
            "pipelineArn": [PIPELINE],
            "currentPipelineExecutionStatus": ["Succeeded", "Failed"],
        },
    }
    targets = events.list_targets_by_rule(Rule="fmo-words-notify")["Targets"]
    assert targets == [{"Id": "notify", "Arn": TOPIC}]


def test_an_overlap_is_skipped_by_the_starter(written: Written, session: boto3.Session) -> None:
    written.deploy("schedule: {rate: 7 days, overlap: skip, parameters: {Limit: 3}}")
    target = session.client("scheduler").get_schedule(Name="fmo-words")["Target"]
    assert target["Arn"] == STARTER
    scheduler = Scheduler(session, MovedClock())
    scheduler.move_to_next()
    scheduler.move_to_next()  # The first one still runs: nothing has asked for its steps.
    assert (len(scheduler.started), scheduler.skipped) == (1, 1)
    found = session.client("sagemaker").list_pipeline_parameters_for_execution(
        PipelineExecutionArn=scheduler.started[0]
    )
    assert found["PipelineParameters"] == [{"Name": "Limit", "Value": "3"}]


def test_a_start_that_is_delivered_twice_is_one_execution(
    written: Written, session: boto3.Session
) -> None:
    written.deploy()
    client: Any = session.client("sagemaker")
    event = {"pipeline_name": "words", "parameters": {}, "time": "2026-11-30T06:00:07Z"}
    first = start_unless_running(event, client)
    for _ in range(2):  # To its end, so that the second delivery finds nothing that runs.
        client.list_pipeline_execution_steps(PipelineExecutionArn=first["started"])
    found = client.describe_pipeline_execution(PipelineExecutionArn=first["started"])
    assert found["PipelineExecutionStatus"] == "Failed", "its only step is a Fail step"
    assert start_unless_running({**event, "time": "2026-11-30T06:00:59Z"}, client) == first
    later = start_unless_running({**event, "time": "2026-12-07T06:00:00Z"}, client)
    assert later["started"] != first["started"]


def test_new_data_start_one_execution_however_many_objects_land(
    written: Written, session: boto3.Session
) -> None:
    written.deploy("schedule: {on_new_data: $params.Rows}")
    scheduler = Scheduler(session, MovedClock())
    scheduler.new_object(BUCKET, "elsewhere/a.jsonl")
    assert scheduler.started == []
    for number in range(20):
        scheduler.new_object(BUCKET, f"drops/{number}.jsonl")
    assert (len(scheduler.started), scheduler.skipped) == (1, 19)


def test_a_bucket_that_sends_no_events_is_named(written: Written, session: boto3.Session) -> None:
    session.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={}
    )
    with pytest.raises(InputError) as caught:
        written.plan("schedule: {on_new_data: $params.Rows}")
    assert str(caught.value) == (
        "schedule.on_new_data: bucket 'acme-dev' sends no events to EventBridge. Turn them on in "
        "the bucket's properties (Event notifications, Amazon EventBridge)."
    )


def test_an_environment_without_role_or_topic_is_told_what_it_lacks() -> None:
    schedule = f"{WEEKLY[:-1]}, overlap: skip, on_new_data: $params.Rows}}"
    plan, _ = build_plan(load_spec(SPEC % f"schedule: {schedule}\nnotify: {{}}"))
    bare = Environment("dev", BUCKET, ROLE, REGION)
    findings = Findings(None, {})
    triggers_have_their_arns(plan, bare, findings)
    with pytest.raises(SpecError) as caught:
        findings.raise_problems()
    cure = "to it in fmo.yaml, as `fmo infra deploy` prints it with `infra: {parts: [schedules]}`"
    assert str(caught.value).splitlines() == [
        f"{where}: environment 'dev' has no {key}. Add `{key}:` {cure}, or remove `{where}:`."
        for where, key in (
            ("schedule", "scheduler_role_arn"),
            ("schedule.overlap", "starter_function_arn"),
            ("schedule.on_new_data", "starter_function_arn"),
            ("notify", "notify_topic_arn"),
        )
    ]


def test_the_page_lists_the_calls_that_are_made_and_no_others(
    written: Written, faults: Faults
) -> None:
    faults.calls.clear()
    written.deploy(f"schedule: {WEEKLY[:-1]}, on_new_data: $params.Rows}}", "notify: {}")
    written.deploy(f"schedule: {WEEKLY[:-1]}, on_new_data: s3://acme-dev/b/}}".replace("6", "7"))
    for name, kind in list(trigger_names("words").kinds.items())[:2]:
        found = find_trigger(kind, name, written.aws)
        assert found is not None
        for is_paused in (True, False):
            set_paused(found, written.aws, is_paused=is_paused)
    written.deploy()
    calls = (call.split(".") for call in faults.calls)
    made = {name for service, name in calls if service in {"scheduler", "eventbridge"}}
    listed = PAGE.partition("Who deploys needs")[2].partition("\n\n")[0]
    named = set(re.findall(r"(?:scheduler:|events:)?([A-Z]\w+)`", listed))
    assert named - {"PassRole", "GetBucketNotification"} == made


def test_long_names_stay_apart_and_fit() -> None:
    one, other = trigger_names("a" * 81 + "b"), trigger_names("a" * 81 + "c")
    assert one != other
    assert max(map(len, one.kinds)) <= 64


@pytest.mark.parametrize("after", [False, True], ids=["refused", "lost"])
def test_a_deployment_that_was_cut_off_anywhere_is_mended_by_the_next(
    written: Written, faults: Faults, *, after: bool
) -> None:
    lines = (f"schedule: {WEEKLY[:-1]}, on_new_data: $params.Rows}}", "notify: {}")
    for at in range(1, 40):
        faults.set("reset", at, after=after)
        try:
            written.deploy(*lines)
        except AwsError:
            continue
        break
    assert at < 39
    faults.set("reset", 0)
    written.deploy(*lines)
    assert written.plan(*lines).changes_nothing


def test_whoever_may_not_look_for_schedules_can_deploy_without(
    written: Written, faults: Faults
) -> None:
    written.deploy()
    first = faults.calls.index("scheduler.GetSchedule") + 1
    faults.set("denied", first, times=3)
    assert written.plan().triggers == ()
    faults.set("denied", first, times=3)
    with pytest.raises(AwsError, match="access denied"):
        written.plan(f"schedule: {WEEKLY}")
