"""`schedule` and `notify` as requests to EventBridge Scheduler and EventBridge."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from orchestrator.definition.triggers import SIGNATURE, Trigger, TriggerNames
from orchestrator.plan.schedule import data_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.compiler.environment import Environment
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import Plan
    from orchestrator.spec.fields import Scalar
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.schedule import ScheduleSpec

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""EventBridge Scheduler writes the time here (User Guide, context attributes)."""
STATUS_CHANGE = "SageMaker Model Building Pipeline Execution Status Change"
NAMED = 48
"""Characters of a pipeline's name that fit into the names of its triggers."""


def trigger_names(pipeline_name: str) -> TriggerNames:
    """Return the names of a pipeline's triggers; long names end with a hash."""
    short = pipeline_name
    if len(short) > NAMED:
        digest = hashlib.sha256(pipeline_name.encode()).hexdigest()[:8]
        short = f"{pipeline_name[: NAMED - 9]}-{digest}"
    return TriggerNames(f"fmo-{short}", f"fmo-{short}-new-data", f"fmo-{short}-notify")


def compile_triggers(
    plan: Plan, environment: Environment, pipeline_arn: str
) -> tuple[Trigger, ...]:
    """Return what starts the pipeline at `pipeline_arn`, and what tells how it ended."""
    names = trigger_names(plan.name)
    found = []
    if plan.schedule and (plan.schedule.cron or plan.schedule.rate):
        request = _schedule(plan.schedule, plan, environment, pipeline_arn)
        found.append(Trigger("schedule", names.schedule, request))
    if plan.schedule and plan.schedule.on_new_data:
        request = _new_data(plan.schedule, plan, environment)
        found.append(Trigger("rule", names.new_data, request))
    if plan.notify:
        request = _notification(plan, environment, pipeline_arn)
        found.append(Trigger("rule", names.notify, request))
    return tuple(found)


def new_data_bucket(plan: Plan) -> str | None:
    """Return the bucket whose new objects start the pipeline; None if none do."""
    if plan.schedule is None or plan.schedule.on_new_data is None:
        return None
    return _bucket_and_prefix(plan.schedule, plan)[0]


def triggers_have_their_arns(plan: Plan, environment: Environment, findings: Findings) -> None:
    """Refuse a schedule without a role or a starter, and a notification without a topic."""
    for where, key in _needed(plan):
        if getattr(environment, key) is None:
            what = f"environment {environment.name!r} has no {key}"
            fix = (
                f"Add `{key}:` to it in fmo.yaml, as `fmo infra deploy` prints it with "
                f"`infra: {{parts: [schedules]}}`, or remove `{where}:`."
            )
            findings.refuse(where, what, fix)


def _needed(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield fields of the spec, each with the key of the environment that it needs."""
    schedule = plan.schedule
    if schedule and (schedule.cron or schedule.rate):
        yield "schedule", "scheduler_role_arn"
        if schedule.overlap == "skip":
            yield "schedule.overlap", "starter_function_arn"
    if schedule and schedule.on_new_data:
        yield "schedule.on_new_data", "starter_function_arn"
    if plan.notify:
        yield "notify", "notify_topic_arn"


def _schedule(
    schedule: ScheduleSpec, plan: Plan, environment: Environment, pipeline_arn: str
) -> dict[str, Json]:
    window: dict[str, Json] = {"Mode": "OFF"}
    if schedule.maximum_window_in_minutes is not None:
        minutes = schedule.maximum_window_in_minutes
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes}
    expression = f"cron({schedule.cron})" if schedule.cron else f"rate({schedule.rate})"
    dead_letter = environment.scheduler_dead_letter_arn
    target: dict[str, Json] = {
        **_target(schedule, plan, environment, pipeline_arn),
        "RoleArn": environment.scheduler_role_arn,
        "RetryPolicy": {
            "MaximumRetryAttempts": schedule.retry_policy.maximum_retry_attempts,
            "MaximumEventAgeInSeconds": schedule.retry_policy.maximum_event_age_in_seconds,
        },
        **({"DeadLetterConfig": {"Arn": dead_letter}} if dead_letter else {}),
    }
    return {
        "Description": SIGNATURE + plan.name,
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": schedule.timezone,
        "FlexibleTimeWindow": window,
        "Target": target,
    }


def _target(
    schedule: ScheduleSpec, plan: Plan, environment: Environment, pipeline_arn: str
) -> dict[str, Json]:
    """Return the pipeline itself, or what starts it unless it runs."""
    if schedule.overlap == "skip":
        asked = {**_asked(schedule, plan), "time": SCHEDULED_TIME}
        return {"Arn": environment.starter_function_arn, "Input": json.dumps(asked, sort_keys=True)}
    listed: list[Json] = [
        {"Name": name, "Value": value} for name, value in _values(schedule).items()
    ]
    given: dict[str, Json] = (
        {"SageMakerPipelineParameters": {"PipelineParameterList": listed}} if listed else {}
    )
    return {"Arn": pipeline_arn, **given}


def _new_data(schedule: ScheduleSpec, plan: Plan, environment: Environment) -> dict[str, Json]:
    bucket, prefix = _bucket_and_prefix(schedule, plan)
    below: dict[str, Json] = {"object": {"key": [{"prefix": prefix}]}} if prefix else {}
    pattern: dict[str, Json] = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, **below},
    }
    asked = json.dumps(_asked(schedule, plan), sort_keys=True)
    return {
        "Description": SIGNATURE + plan.name,
        "EventPattern": pattern,
        "Target": {
            "Id": "starter",
            "Arn": environment.starter_function_arn,
            "InputTransformer": {
                "InputPathsMap": {"time": "$.time"},
                "InputTemplate": f'{asked[:-1]}, "time": <time>}}',
            },
        },
    }


def _notification(plan: Plan, environment: Environment, pipeline_arn: str) -> dict[str, Json]:
    statuses = list(plan.notify.on_status) if plan.notify else []
    return {
        "Description": SIGNATURE + plan.name,
        "EventPattern": {
            "source": ["aws.sagemaker"],
            "detail-type": [STATUS_CHANGE],
            "detail": {
                "pipelineArn": [pipeline_arn],
                "currentPipelineExecutionStatus": statuses,
            },
        },
        "Target": {"Id": "notify", "Arn": environment.notify_topic_arn},
    }


def _asked(schedule: ScheduleSpec, plan: Plan) -> dict[str, Json]:
    return {"pipeline_name": plan.name, "parameters": dict(_values(schedule))}


def _values(schedule: ScheduleSpec) -> Mapping[str, str]:
    """Return parameter to value, as text: the service takes nothing else."""
    return {name: _text(value) for name, value in sorted(schedule.parameters.items())}


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bucket_and_prefix(schedule: ScheduleSpec, plan: Plan) -> tuple[str, str]:
    uri = data_prefix(schedule.on_new_data or "", dict(plan.parameters), schedule.parameters)
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix
