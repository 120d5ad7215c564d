"""EventBridge and its Scheduler at work: what they would start, started, as the clock is moved."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.bridge.starter import start_unless_running
from orchestrator.spec.cron import next_time, rate_interval

if TYPE_CHECKING:
    from datetime import datetime

    import boto3

    from tests.aws.moved_clock import MovedClock


@dataclass
class Scheduler:
    """Calls the targets of what is deployed in the session's account, each as the service would."""

    session: boto3.Session
    clock: MovedClock
    started: list[str] = field(default_factory=list)
    """ARNs of executions, in order."""
    skipped: int = 0

    def move_to_next(self) -> datetime:
        """Move the clock to when the next schedule fires, fire it, and return that time."""
        client = self.session.client("scheduler")
        names = [one["Name"] for one in client.list_schedules()["Schedules"]]
        found = [client.get_schedule(Name=name) for name in names]
        due = [(self._next(one), one["Name"], one) for one in found if one["State"] == "ENABLED"]
        at, _, schedule = min(due)
        self.clock.at = at
        self._call(schedule["Target"], at)
        return at

    def new_object(self, bucket: str, key: str) -> None:
        """Fire every enabled rule whose pattern fits an object that was just stored."""
        client = self.session.client("events")
        for rule in client.list_rules()["Rules"]:
            detail = json.loads(rule["EventPattern"])["detail"]
            prefix = detail.get("object", {}).get("key", [{"prefix": ""}])[0]["prefix"]
            fits = detail.get("bucket", {}).get("name") == [bucket] and key.startswith(prefix)
            if fits and rule["State"] == "ENABLED":
                for target in client.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                    template = target["InputTransformer"]["InputTemplate"]
                    time = json.dumps(f"{self.clock.at:%Y-%m-%dT%H:%M:%SZ}")
                    self._starter(json.loads(template.replace("<time>", time)))

    def _next(self, schedule: dict[str, Any]) -> datetime:
        kind, _, text = schedule["ScheduleExpression"].removesuffix(")").partition("(")
        if kind == "rate":
            return self.clock.at + rate_interval(text)
        at = next_time(text, schedule["ScheduleExpressionTimezone"], self.clock.at)
        assert at is not None
        return at

    def _call(self, target: dict[str, Any], at: datetime) -> None:
        if ":lambda:" in target["Arn"]:
            time = f"{at:%Y-%m-%dT%H:%M:%SZ}"
            event = target["Input"].replace("<aws.scheduler.scheduled-time>", time)
            self._starter(json.loads(event))
            return
        given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
        answer = self.session.client("sagemaker").start_pipeline_execution(
            PipelineName=target["Arn"], PipelineParameters=given
        )
        self.started.append(answer["PipelineExecutionArn"])

    def _starter(self, event: dict[str, Any]) -> None:
        answer = start_unless_running(event, self.session.client("sagemaker"))
        if "skipped" in answer:
            self.skipped += 1
        elif answer["started"] not in self.started:
            self.started.append(answer["started"])
