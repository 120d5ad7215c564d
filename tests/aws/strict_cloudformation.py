"""moto's CloudFormation as the service is: change sets, states and rollbacks; types that it lacks.

moto 5.2 takes two change sets of one name, lists resources whose condition does not hold, is done
at once, tells nothing of single resources, forgets outputs after a change set, and has no rollback.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import AlreadyExistsException
from moto.cloudformation.models import (
    Change,
    ChangeSet,
    CloudFormationBackend,
    Event,
    Stack,
    cloudformation_backends,
)
from moto.cloudformation.parsing import ResourceMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import JsonRESTError, ServiceException

from tests.aws.account import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LAX = {
    name: getattr(CloudFormationBackend, name)
    for name in (
        "create_change_set", "describe_change_set", "describe_stacks",
    )
}  # fmt: skip
"""What moto itself does."""
DELETE_RESOURCES = ResourceMap.delete
MISSING = (
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
)
"""Types that moto does not know: kept as they are asked for. (It would take a policy that denies
requests without TLS for one that denies all.)"""
FAILING: set[str] = set()
"""Logical ids of resources that cannot be made; empty again after a test."""


class Kept(CloudFormationModel):
    """A resource of a type that moto does not know."""

    def __init__(self, name: str, properties: Mapping[str, Any]) -> None:
        self.physical_resource_id = name
        self.properties = properties

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        del attr
        return False

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override]
        cls, resource_name: str, cloudformation_json: Mapping[str, Any], *_: Any, **__: Any
    ) -> Kept:
        return cls(resource_name, cloudformation_json["Properties"])

    @classmethod
    def update_from_cloudformation_json(  # type: ignore[override]
        cls, original_resource: Kept, new_resource_name: str, cloudformation_json: Any, *_: Any,
        **__: Any,
    ) -> Kept:  # fmt: skip
        del new_resource_name
        return cls(original_resource.physical_resource_id, cloudformation_json["Properties"])

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
        return


for _name in MISSING:
    # moto looks for direct subclasses, once, at its first stack.
    type(
        _name.replace("::", ""), (Kept, CloudFormationModel),
        {"cloudformation_type": staticmethod(lambda name=_name: name)},
    )  # fmt: skip
parsing.get_model_list.cache_clear()


def models() -> list[type[CloudFormationModel]]:
    return [*CloudFormationModel.__subclasses__(), *Kept.__subclasses__()]


parsing.get_model_list = models  # type: ignore[assignment]
parsing.get_model_map.cache_clear()
parsing.get_name_type_map.cache_clear()


def create_change_set(self: CloudFormationBackend, **request: Any) -> tuple[str, str]:
    """Refuse a name that is taken; tell what really changes."""
    name, stack_name = request["change_set_name"], request["stack_name"]
    for known in self.change_sets.values():
        if (known.change_set_name, known.stack_name) == (name, stack_name):
            raise AlreadyExistsException(name)
    before = next((one for one in self.stacks.values() if one.name == stack_name), None)
    if request["change_set_type"] == "CREATE" and before is not None:
        if before.status != "REVIEW_IN_PROGRESS":
            raise AlreadyExistsException(stack_name)
        del self.stacks[before.stack_id]
    made: tuple[str, str] = LAX["create_change_set"](self, **request)
    change_set = self.change_sets[made[0]]
    change_set.changes = list(_changes(change_set))
    if request["change_set_type"] == "UPDATE" and not change_set.changes:
        change_set.status = "FAILED"
        change_set.status_reason = "The submitted information didn't contain changes."
    return made


def describe_change_set(self: CloudFormationBackend, change_set_name: str) -> ChangeSet:
    """Be at work on it when it is looked at first."""
    found: ChangeSet = LAX["describe_change_set"](self, change_set_name=change_set_name)
    if not hasattr(found, "ended"):
        found.ended, found.status = found.status, "CREATE_IN_PROGRESS"  # type: ignore[attr-defined]
    else:
        found.status = found.ended
    return found


def execute_change_set(
    self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None
) -> None:
    """Make each resource, and undo all if one cannot be made."""
    del stack_name
    change_set: ChangeSet = LAX["describe_change_set"](self, change_set_name=change_set_name)
    stack, kind = self.stacks[change_set.stack_id], change_set.change_set_type
    stack.status = f"{kind}_IN_PROGRESS"
    _tell(stack, stack.name, "AWS::CloudFormation::Stack", stack.status)
    try:
        _apply(change_set, stack)
    except (JsonRESTError, ServiceException, RuntimeError) as error:
        reason = getattr(error, "message", None) or str(error)
        _tell(stack, _at_fault(change_set), "AWS::Unknown::Unknown", f"{kind}_FAILED", reason)
        stack.ends = "DELETE_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"  # type: ignore[attr-defined]
        return
    for change in change_set.changes:
        verb = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE"}[change.action]
        _tell(stack, change.logical_resource_id, change.resource_type, f"{verb}_COMPLETE")
    del self.change_sets[change_set.change_set_id]
    stack.ends = f"{kind}_COMPLETE"  # type: ignore[attr-defined]


def delete_resources(self: ResourceMap) -> None:
    """Know of `RetainExceptOnCreate`, which is `Retain` for a stack that stood."""
    for told in self._resource_json_map.values():
        if told.get("DeletionPolicy") == "RetainExceptOnCreate":
            told["DeletionPolicy"] = "Retain"
    DELETE_RESOURCES(self)


def describe_stacks(self: CloudFormationBackend, name_or_stack_id: str) -> list[Stack]:
    """Be at work when it is looked at first."""
    found: list[Stack] = LAX["describe_stacks"](self, name_or_stack_id)
    for stack in found:
        if stack.status.endswith("_IN_PROGRESS") and hasattr(stack, "ends"):
            if hasattr(stack, "looked_at"):
                stack.status = stack.ends
                del stack.ends, stack.looked_at
                _tell(stack, stack.name, "AWS::CloudFormation::Stack", stack.status)
            else:
                stack.looked_at = True  # type: ignore[attr-defined]
        if stack.status == "DELETE_COMPLETE":
            self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id, stack)
    return found


def stack(name: str) -> Stack:
    """Return the stack of this name in the account of the tests."""
    stacks = cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION].stacks.values()
    return next(one for one in stacks if one.name == name)


def _changes(change_set: ChangeSet) -> Iterator[Change]:
    """Yield what changes among resources whose condition holds."""
    stack = change_set.stack
    new = _active(stack, change_set.template_dict, change_set.parameters)
    old: dict[str, Any] = {}
    if change_set.change_set_type == "UPDATE":
        old = _active(stack, stack.template_dict, stack.resource_map.input_parameters)
    for name in sorted(new.keys() | old.keys()):
        if new.get(name) != old.get(name):
            action = "Add" if name not in old else "Remove" if name not in new else "Modify"
            kind = (new.get(name) or old[name])["Type"]
            yield Change(action, name, kind)


def _active(
    stack: Stack, template: dict[str, Any], parameters: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the resources that are made, with the parameters that they name."""
    known = ResourceMap(
        stack.stack_id, stack.name, parameters, {}, stack.region_name, stack.account_id, template,
        None,
    )  # fmt: skip
    known.load()
    return {
        name: {
            **told,
            "Given": {
                key: value
                for key, value in parameters.items()
                if f'"{key}"' in (text := json.dumps(told, default=str)) or f"${{{key}}}" in text
            },
        }
        for name, told in template["Resources"].items()
        if "Condition" not in told or known.lazy_condition_map[told["Condition"]]
    }


def _apply(change_set: ChangeSet, stack: Stack) -> None:
    refused = FAILING & {change.logical_resource_id for change in change_set.changes}
    if refused:
        message = f"{min(refused)} exceeds a quota of this account."
        raise RuntimeError(message)
    change_set.apply()
    for change in change_set.changes:
        if change.action == "Add":
            _ = stack.resource_map[change.logical_resource_id]  # Also if only its condition is new.
    stack.template = change_set.template
    stack._parse_template()
    stack.parameters = change_set.parameters
    stack.output_map = stack._create_output_map()
    stack.tags = change_set.tags or {}


def _at_fault(change_set: ChangeSet) -> str:
    return min(FAILING & set(change_set.template_dict["Resources"]), default=change_set.stack_name)


def _tell(stack: Stack, logical_id: str, kind: str, status: str, reason: str = "") -> None:
    event = Event(
        stack.stack_id, stack.name, logical_id, logical_id, kind, status, reason or None, None
    )
    stack.events.append(event)


# The service makes a change set that has failed where nothing changes.
CloudFormationResponse._validate_different_update = lambda *_: None  # type: ignore[method-assign]
ResourceMap.delete = delete_resources  # type: ignore[method-assign]
for _operation in (create_change_set, describe_change_set, execute_change_set, describe_stacks):
    setattr(CloudFormationBackend, _operation.__name__, _operation)
