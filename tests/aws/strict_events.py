"""moto's EventBridge and its Scheduler, as strict as the services where moto is lax.

moto takes any expression, window, target and template, and deletes a rule that has targets. What
the tests send also goes through botocore's validation, which knows names and types, not limits.
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.responses import EventsHandler
from moto.s3.responses import S3Response
from moto.sagemaker.models import sagemaker_backends
from moto.scheduler.responses import EventBridgeSchedulerResponse

from orchestrator.spec.cron import cron_problem, rate_problem

LAX = {
    name: getattr(EventBridgeSchedulerResponse, name)
    for name in ("create_schedule", "update_schedule")
}
LAX_S3 = S3Response.get_bucket_notification
LAX_EVENTS = {name: getattr(EventsHandler, name) for name in ("delete_rule", "put_targets")}


def create_schedule(self: EventBridgeSchedulerResponse) -> Any:
    """Refuse what the service refuses."""
    _check_schedule(json.loads(self.body), self.current_account, self.region)
    return LAX["create_schedule"](self)


def update_schedule(self: EventBridgeSchedulerResponse) -> Any:
    """Refuse what the service refuses."""
    _check_schedule(json.loads(self.body), self.current_account, self.region)
    return LAX["update_schedule"](self)


def delete_rule(self: EventsHandler) -> Any:
    """Refuse a rule that has targets."""
    rule = self.events_backend.describe_rule(self._get_param("Name"), None)
    if rule.targets:
        _refuse("Rule can't be deleted since it has targets.")
    return LAX_EVENTS["delete_rule"](self)


def put_targets(self: EventsHandler) -> Any:
    """Refuse a template whose variables are not named, or that is no JSON once they are filled."""
    for target in self._get_param("Targets"):
        transformer = target.get("InputTransformer")
        if transformer:
            filled = transformer["InputTemplate"]
            for name in transformer["InputPathsMap"]:
                filled = filled.replace(f"<{name}>", '"value"')
            try:
                json.loads(filled)
            except ValueError:
                _refuse(f"Invalid InputTemplate for target {target['Id']}: {filled}")
    return LAX_EVENTS["put_targets"](self)


def get_bucket_notification(self: S3Response) -> Any:
    """Tell whether the bucket sends events to EventBridge, which moto keeps and does not tell."""
    answer = LAX_S3(self)
    found = self.backend.get_bucket_notification_configuration(self.bucket_name)
    if found is None or found.event_bridge is None:
        return answer
    status, headers, text = answer
    head = text.removesuffix("/>").removesuffix("></NotificationConfiguration>")
    return status, headers, f"{head}><EventBridgeConfiguration/></NotificationConfiguration>"


for _operation in (create_schedule, update_schedule):
    setattr(EventBridgeSchedulerResponse, _operation.__name__, _operation)
for _operation in (delete_rule, put_targets):
    setattr(EventsHandler, _operation.__name__, _operation)
S3Response.get_bucket_notification = get_bucket_notification


def _check_schedule(request: dict[str, Any], account: str, region: str) -> None:
    expression = request["ScheduleExpression"]
    kind, _, text = expression.partition("(")
    checks = {"cron": cron_problem, "rate": rate_problem}
    if kind not in checks or checks[kind](text.removesuffix(")")):
        _refuse(f"Invalid Schedule Expression {expression}.")
    window = request["FlexibleTimeWindow"]
    if (window["Mode"] == "OFF") == ("MaximumWindowInMinutes" in window):
        _refuse("FlexibleTimeWindow and MaximumWindowInMinutes do not fit.")
    _check_target(request["Target"], account, region)


def _check_target(target: dict[str, Any], account: str, region: str) -> None:
    service = target["Arn"].split(":")[2]
    if service == "sagemaker" and "Input" in target:
        _refuse("Input is not supported for target SageMaker Pipeline.")
    if service != "sagemaker" and "SageMakerPipelineParameters" in target:
        _refuse("Target with SageMakerPipelineParameters must be a SageMaker Pipeline.")
    if service == "sagemaker":
        pipelines = sagemaker_backends[account][region].pipelines.values()
        if target["Arn"] not in {pipeline.arn for pipeline in pipelines}:
            _refuse(f"The pipeline {target['Arn']} does not exist.")
    retry = target.get("RetryPolicy", {})
    if not 60 <= retry.get("MaximumEventAgeInSeconds", 60) <= 86_400:
        _refuse("MaximumEventAgeInSeconds must be between 60 and 86400.")
    if not re.fullmatch(r"arn:aws:iam::\d{12}:role/.+", target["RoleArn"]):
        _refuse("Provided role is not valid.")


def _refuse(message: str) -> None:
    kind = "ValidationException"
    raise JsonRESTError(kind, message)
