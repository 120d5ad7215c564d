"""A pipeline's triggers as they are to stand in an account: what has to change, and changing it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.definition.changes import changes_between
from orchestrator.definition.triggers import SIGNATURE, Trigger
from orchestrator.errors import AccessDeniedError, InputError, NotFoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.aws.clients import Aws, Response
    from orchestrator.definition.changes import Change
    from orchestrator.definition.triggers import TriggerKind, TriggerNames

Action = Literal["create", "update", "delete", "none"]

KEPT = {
    "schedule": (
        "Description",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "FlexibleTimeWindow",
        "Target",
    ),
    "rule": ("Description", "EventPattern"),
}
"""What of an answer is compared: the rest is the service's."""


@dataclass(frozen=True)
class Standing:
    """A trigger that is there."""

    trigger: Trigger
    is_paused: bool

    @property
    def pipeline_name(self) -> str | None:
        """Whose it is; None if something else than fmo made it."""
        said = str(self.trigger.request.get("Description", ""))
        return said.removeprefix(SIGNATURE) if said.startswith(SIGNATURE) else None


@dataclass(frozen=True)
class TriggerPlan:
    """What has to change of one trigger."""

    action: Action
    trigger: Trigger
    """As it is to be; of one that goes, as it is."""
    changes: tuple[Change, ...] = field(default=())
    is_paused: bool = False
    """It stays so, whatever else changes."""


def plan_triggers(
    wanted: Iterable[Trigger], names: TriggerNames, pipeline_name: str, aws: Aws
) -> tuple[TriggerPlan, ...]:
    """Return what has to change for `wanted` to be all that the pipeline has.

    Raises:
        InputError: If something else than fmo made one of that name, or for another pipeline.
    """
    by_name = {trigger.name: trigger for trigger in wanted}
    plans = []
    for name, kind in names.kinds.items():
        try:
            found = find_trigger(kind, name, aws)
        except AccessDeniedError:
            if by_name:
                raise
            continue  # Whoever may not look has deployed no schedule, and needs none now.
        if found is not None and found.pipeline_name != pipeline_name:
            if name in by_name:
                raise InputError(_foreign(found))
            continue
        plan = _plan(by_name.get(name), found)
        if plan is not None:
            plans.append(plan)
    return tuple(plans)


def find_trigger(kind: TriggerKind, name: str, aws: Aws) -> Standing | None:
    """Return the trigger as it stands; None if there is none."""
    try:
        if kind == "schedule":
            answer = aws.call("scheduler", "GetSchedule", Name=name)
            request = _kept(kind, answer)
        else:
            answer = aws.call("events", "DescribeRule", Name=name)
            request = _kept(kind, answer)
            request["EventPattern"] = json.loads(answer["EventPattern"])
            targets = aws.call("events", "ListTargetsByRule", Rule=name)["Targets"]
            request |= {"Target": targets[0]} if targets else {}
    except NotFoundError:
        return None
    return Standing(Trigger(kind, name, request), answer.get("State") == "DISABLED")


def apply_trigger(plan: TriggerPlan, aws: Aws) -> None:
    """Make what `plan` says so; again is the same as once."""
    trigger = plan.trigger
    if plan.action == "delete":
        _delete(trigger, aws)
    elif plan.action != "none" and trigger.kind == "rule":
        _put_rule(trigger, aws, is_paused=plan.is_paused)
    elif plan.action != "none":
        operation = "CreateSchedule" if plan.action == "create" else "UpdateSchedule"
        # botocore makes the ClientToken, and sends the same one when it repeats the call.
        aws.call("scheduler", operation, **_schedule_request(trigger, is_paused=plan.is_paused))


def set_paused(found: Standing, aws: Aws, *, is_paused: bool) -> None:
    """Let a trigger start nothing, or start again; the rest of it stays as it is."""
    trigger = found.trigger
    if trigger.kind == "rule":
        aws.call("events", "DisableRule" if is_paused else "EnableRule", Name=trigger.name)
        return
    # UpdateSchedule takes everything anew: what is left out becomes the default.
    aws.call("scheduler", "UpdateSchedule", **_schedule_request(trigger, is_paused=is_paused))


def bucket_sends_events(bucket: str, aws: Aws) -> None:
    """Check that EventBridge hears of new objects in the bucket.

    Raises:
        InputError: If it does not.
    """
    answer = aws.call("s3", "GetBucketNotificationConfiguration", Bucket=bucket)
    if "EventBridgeConfiguration" not in answer:
        what = f"bucket {bucket!r} sends no events to EventBridge"
        fix = "Turn them on in the bucket's properties (Event notifications, Amazon EventBridge)."
        raise InputError(Problem("schedule.on_new_data", what, fix))


def _plan(wanted: Trigger | None, found: Standing | None) -> TriggerPlan | None:
    if found is None:
        return TriggerPlan("create", wanted) if wanted else None
    if wanted is None:
        return TriggerPlan("delete", found.trigger)
    before, after = (json.dumps(one.request).encode() for one in (found.trigger, wanted))
    changes = changes_between(before, after)
    return TriggerPlan("update" if changes else "none", wanted, changes, found.is_paused)


def _foreign(found: Standing) -> Problem:
    owner = f"is of pipeline {found.pipeline_name!r}" if found.pipeline_name else "is not fmo's"
    what = f"a {found.trigger.kind} of this name is there and {owner}"
    return Problem(found.trigger.name, what, "Remove it, or rename the pipeline.")


def _kept(kind: TriggerKind, answer: Response) -> dict[str, Any]:
    return {name: answer[name] for name in KEPT[kind] if answer.get(name) is not None}


def _schedule_request(trigger: Trigger, *, is_paused: bool) -> dict[str, Any]:
    state = "DISABLED" if is_paused else "ENABLED"
    return {"Name": trigger.name, "State": state, **trigger.request}


def _put_rule(trigger: Trigger, aws: Aws, *, is_paused: bool) -> None:
    aws.call(
        "events", "PutRule",
        Name=trigger.name,
        Description=trigger.request["Description"],
        EventPattern=json.dumps(trigger.request["EventPattern"], sort_keys=True),
        State="DISABLED" if is_paused else "ENABLED",
    )  # fmt: skip
    target: Any = trigger.request["Target"]
    answer = aws.call("events", "PutTargets", Rule=trigger.name, Targets=[target])
    _nothing_failed(answer, trigger)


def _delete(trigger: Trigger, aws: Aws) -> None:
    if trigger.kind == "schedule":
        aws.call("scheduler", "DeleteSchedule", Name=trigger.name)
        return
    # A rule that has targets cannot be deleted.
    target: Any = trigger.request.get("Target")
    if target:
        answer = aws.call("events", "RemoveTargets", Rule=trigger.name, Ids=[target["Id"]])
        _nothing_failed(answer, trigger)
    aws.call("events", "DeleteRule", Name=trigger.name)


def _nothing_failed(answer: Response, trigger: Trigger) -> None:
    """Refuse what EventBridge reports in an answer that is no error."""
    entries: Sequence[Mapping[str, Any]] = answer.get("FailedEntries", ())
    problems = [
        Problem(trigger.name, f"{entry['ErrorCode']}: {entry['ErrorMessage']}", "Deploy again.")
        for entry in entries
    ]
    if problems:
        raise InputError(problems)
