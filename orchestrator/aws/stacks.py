"""Stacks of CloudFormation: what would change, and changing it while somebody looks on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orchestrator.aws.clients import Aws

CAPABILITIES = ("CAPABILITY_NAMED_IAM",)
NOTHING_CHANGES = ("didn't contain changes", "No updates are to be performed")
"""How CloudFormation says so, as the reason of a change set that failed."""
EMPTY = "REVIEW_IN_PROGRESS"
"""The status of a stack that has a change set and was never made."""
GONE = "DELETE_COMPLETE"
STANDS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
"""Statuses in which a stack can be updated (UpdateStack)."""
CANCELLED = "Resource creation cancelled"
"""Why resources fail that are not to blame."""

Action = Literal["create", "update", "none"]


@dataclass(frozen=True)
class StackRequest:
    """A stack as it is to stand."""

    name: str
    body: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def change_set_name(self) -> str:
        """The same for the same request, so that one that was left over is found."""
        content = repr((self.body, sorted(self.parameters.items()), sorted(self.tags.items())))
        return f"fmo-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Stack:
    """A stack as it stands."""

    arn: str
    name: str
    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource."""

    action: str
    """Of DescribeChangeSet: `Add`, `Modify`, `Remove`, ..."""
    logical_id: str
    type: str
    replacement: bool = False
    """Whether it may be made anew, which loses what is in it."""


@dataclass(frozen=True)
class ChangeSet:
    """What would happen to a stack."""

    arn: str
    stack_name: str
    changes: tuple[ResourceChange, ...]


@dataclass(frozen=True)
class StackEvent:
    """What CloudFormation tells of one resource."""

    logical_id: str
    type: str
    status: str
    reason: str = ""


def find_stack(name: str, aws: Aws) -> Stack | None:
    """Return the stack of this name or ARN; None if there is none, or nothing was made of it."""
    try:
        [told] = aws.call("cloudformation", "DescribeStacks", StackName=name)["Stacks"]
    except NotFoundError:
        return None
    if told["StackStatus"] in {EMPTY, GONE}:
        return None
    outputs = {one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", [])}
    return Stack(told["StackId"], told["StackName"], told["StackStatus"], outputs)


def find_at_rest(
    name: str, aws: Aws, wait: Callable[[], None], tell: Callable[[str], None]
) -> Stack | None:
    """Return the stack of this name once nothing is under way; None if there is none then."""
    stack, told = find_stack(name, aws), ""
    while stack is not None and stack.status.endswith("_IN_PROGRESS"):
        if stack.status != told:
            told = stack.status
            tell(f"stack {name} is {told}: waiting for its end")
        wait()
        stack = find_stack(name, aws)
    return stack


def can_change(stack: Stack) -> None:
    """Check that a stack can be updated.

    Raises:
        AwsError: If an earlier act has left it in no state for that.
    """
    if stack.status in STANDS:
        return
    fix = "Delete it with `fmo infra delete`, and repeat the command."
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        fix = f"Run: aws cloudformation continue-update-rollback --stack-name {stack.name}"
    msg = f"stack {stack.name}: it is {stack.status} and cannot be changed. {fix}"
    raise AwsError(msg)


def propose(
    request: StackRequest, action: Action, aws: Aws, wait: Callable[[], None]
) -> ChangeSet | None:
    """Return a change set that makes a stack stand as asked; None if nothing changes.

    Args:
        request: The stack.
        action: `create` if there is none.
        aws: Where.
        wait: Waits between two looks.
    """
    name = {"StackName": request.name, "ChangeSetName": request.change_set_name}
    _discard_leftover(name, aws)
    made = aws.call(
        "cloudformation", "CreateChangeSet", **name,
        ChangeSetType=action.upper(), TemplateBody=request.body,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in sorted(request.parameters.items())
        ],
        Tags=[{"Key": key, "Value": value} for key, value in sorted(request.tags.items())],
        Capabilities=list(CAPABILITIES),
        # A stack that could not be made would be in the way of the next attempt.
        **({"OnStackFailure": "DELETE"} if action == "create" else {}),
    )  # fmt: skip
    status, reason = _computed(made["Id"], aws, wait)
    if status == "CREATE_COMPLETE":
        return ChangeSet(made["Id"], request.name, tuple(_changes(made["Id"], aws)))
    discard(made["Id"], aws)
    if any(words in reason for words in NOTHING_CHANGES):
        return None
    msg = f"stack {request.name}: CloudFormation refuses the change: {reason.rstrip('.')}."
    raise AwsError(msg)


def discard(change_set: str, aws: Aws) -> None:
    """Delete a change set that is not to be carried out."""
    aws.call("cloudformation", "DeleteChangeSet", ChangeSetName=change_set)


def execute(
    change_set: ChangeSet,
    aws: Aws,
    wait: Callable[[], None],
    tell: Callable[[StackEvent], None],
) -> Stack:
    """Carry out a change set, and return the stack once it stands.

    Args:
        change_set: What happens.
        aws: Where.
        wait: Waits between two looks.
        tell: Told of each thing that happens to a resource.

    Raises:
        AwsError: If CloudFormation rolled it back; says which resource was to blame, and why.
    """
    arn = aws.call("cloudformation", "DescribeChangeSet", ChangeSetName=change_set.arn)["StackId"]
    seen = {event_id for event_id, _ in _events(arn, aws)}
    # One token for one change set: a call whose answer was lost may be repeated.
    token = hashlib.sha256(change_set.arn.encode()).hexdigest()
    aws.call(
        "cloudformation", "ExecuteChangeSet",
        ChangeSetName=change_set.arn, ClientRequestToken=token,
    )  # fmt: skip
    happened = _follow(arn, seen, aws, wait, tell)
    stack = find_stack(arn, aws)
    if stack is not None and stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        return stack
    msg = f"stack {change_set.stack_name}: {_blame(happened)}. Correct that and deploy again."
    raise AwsError(msg)


def delete(
    stack: Stack, aws: Aws, wait: Callable[[], None], tell: Callable[[StackEvent], None]
) -> None:
    """Delete a stack with all that it does not retain.

    Raises:
        AwsError: If something could not be deleted.
    """
    seen = {event_id for event_id, _ in _events(stack.arn, aws)}
    aws.call("cloudformation", "DeleteStack", StackName=stack.arn)
    happened = _follow(stack.arn, seen, aws, wait, tell)
    if find_stack(stack.arn, aws) is not None:
        msg = f"stack {stack.name}: {_blame(happened)}. Correct that and delete it again."
        raise AwsError(msg)


def physical_ids(stack: Stack, aws: Aws) -> dict[str, str]:
    """Return logical id to what the service calls it, of every resource of a stack."""
    pages = aws.pages("cloudformation", "ListStackResources", StackName=stack.arn)
    return {
        one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
        for page in pages
        for one in page["StackResourceSummaries"]
    }


def _discard_leftover(name: Mapping[str, str], aws: Aws) -> None:
    try:
        left = aws.call("cloudformation", "DescribeChangeSet", **name)
    except NotFoundError:
        return
    discard(left["ChangeSetId"], aws)


def _computed(change_set: str, aws: Aws, wait: Callable[[], None]) -> tuple[str, str]:
    """Return status and reason of a change set once CloudFormation has worked it out."""
    while True:
        told = aws.call("cloudformation", "DescribeChangeSet", ChangeSetName=change_set)
        if told["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
            return told["Status"], told.get("StatusReason", "")
        wait()


def _changes(change_set: str, aws: Aws) -> Iterator[ResourceChange]:
    for page in aws.pages("cloudformation", "DescribeChangeSet", ChangeSetName=change_set):
        for one in page.get("Changes", []):
            told = one["ResourceChange"]
            replaced = told.get("Replacement", "False") != "False"
            yield ResourceChange(
                told["Action"], told["LogicalResourceId"], told["ResourceType"],
                replaced and told["Action"] == "Modify",
            )  # fmt: skip


def _follow(
    arn: str,
    seen: set[str],
    aws: Aws,
    wait: Callable[[], None],
    tell: Callable[[StackEvent], None],
) -> list[StackEvent]:
    """Tell what happens to a stack until nothing does any more, and return it."""
    happened: list[StackEvent] = []
    while True:
        [told] = aws.call("cloudformation", "DescribeStacks", StackName=arn)["Stacks"]
        for event_id, event in reversed(list(_events(arn, aws))):
            if event_id not in seen:
                seen.add(event_id)
                happened.append(event)
                tell(event)
        if not told["StackStatus"].endswith("_IN_PROGRESS"):
            return happened
        wait()


def _events(arn: str, aws: Aws) -> Iterator[tuple[str, StackEvent]]:
    """Yield id and content of what CloudFormation tells of a stack, the newest first."""
    for page in aws.pages("cloudformation", "DescribeStackEvents", StackName=arn):
        for told in page["StackEvents"]:
            yield told["EventId"], _event(told)


def _event(told: Mapping[str, Any]) -> StackEvent:
    return StackEvent(
        told["LogicalResourceId"], told["ResourceType"], told["ResourceStatus"],
        told.get("ResourceStatusReason", ""),
    )  # fmt: skip


def _blame(happened: list[StackEvent]) -> str:
    """Return which resource failed first, and why."""
    for event in happened:
        if event.status.endswith("_FAILED") and CANCELLED not in event.reason:
            reason = " ".join(event.reason.split()).rstrip(".")
            return f"{event.logical_id} ({event.type}) failed: {reason}"
    return "CloudFormation rolled it back and does not say why"
