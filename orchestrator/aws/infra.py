"""What pipelines need in an account, as it is to stand: a stack for each part of it.

A part takes as parameters what earlier parts have as outputs, and what was there before is given as
a parameter instead. The code of the functions is stored between the bucket's stack and theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.aws.bridge_code import bridge_code
from orchestrator.aws.stacks import (
    ResourceChange,
    StackRequest,
    can_change,
    delete,
    discard,
    execute,
    find_at_rest,
    find_stack,
    physical_ids,
    propose,
)
from orchestrator.aws.templates import PARTS, load_template
from orchestrator.definition.results import did_you_mean
from orchestrator.errors import InputError, NotFoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.stacks import Action, ChangeSet, Stack, StackEvent

NEEDED = ("storage", "roles")
"""The parts without which no pipeline runs."""
GIVEN = {
    "storage": ("BucketName", "KmsKeyArn"),
    "roles": ("ExecutionRoleArn", "BedrockRoleArn"),
}
"""Parts of which nothing is left to make if all these parameters are given."""
OURS = frozenset({"Prefix", "CodeKey"})
"""Parameters that nobody gives: they follow from the name and from the code."""


@dataclass(frozen=True)
class Infrastructure:
    """What pipelines of an environment need in its account, as it is to stand."""

    prefix: str
    parts: tuple[str, ...] = ()
    """Beside those that are needed."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    has_vpc: bool = False
    """Whether jobs run in a VPC, ours or another."""

    @property
    def stacks(self) -> dict[str, str]:
        """Part to the name of its stack, in the order in which they are made."""
        wanted = {*NEEDED, *self.parts}
        return {
            part: self.stack_name(part)
            for part in PARTS
            if part in wanted and not self._is_given(part)
        }

    def stack_name(self, part: str) -> str:
        """Return the name of the stack of a part."""
        return f"{self.prefix}-{part}"

    def request(self, part: str, outputs: Mapping[str, str]) -> StackRequest:
        """Return the stack of a part; `outputs` are those of the parts before."""
        template = load_template(part)
        known = {
            "JobsRunInVpc": "true" if self.has_vpc or "network" in self.parts else "false",
            **outputs,
            **self.parameters,
            "Prefix": self.prefix,
        }
        if "CodeKey" in template.defaults:
            known["CodeKey"] = bridge_code().key
        parameters = {
            name: known.get(name, default or "") for name, default in template.defaults.items()
        }
        return StackRequest(self.stack_name(part), template.body, parameters, self.tags)

    def _is_given(self, part: str) -> bool:
        return part in GIVEN and all(name in self.parameters for name in GIVEN[part])


@dataclass(frozen=True)
class PartPlan:
    """What happens to one part."""

    part: str
    request: StackRequest
    action: Action
    changes: tuple[ResourceChange, ...] = ()
    change_set: ChangeSet | None = None
    """Of a stack that is there: what is carried out."""


def parameters_are_known(parameters: Mapping[str, str], where: str) -> None:
    """Check that some template has each parameter.

    Raises:
        InputError: With every one that none has.
    """
    known = {name for part in PARTS for name in load_template(part).defaults} - OURS
    problems = [
        Problem(
            f"{where}.{name}", f"no template has a parameter {name!r}", did_you_mean(name, known)
        )
        for name in parameters
        if name not in known
    ]
    if problems:
        raise InputError(problems)


def plan_infrastructure(
    wanted: Infrastructure,
    aws: Aws,
    wait: Callable[[], None],
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[PartPlan, ...]:
    """Return what would happen to each part; `forget` or `carry_out` has to follow.

    Args:
        wanted: As it is to stand.
        aws: Where.
        wait: Waits between two looks.
        tell: Told of what is under way and has to end first.

    Raises:
        AwsError: If a stack cannot be changed, or AWS refuses.
    """
    plans: list[PartPlan] = []
    outputs: dict[str, str] = {}
    for part in wanted.stacks:
        request = wanted.request(part, outputs)
        stack = find_at_rest(request.name, aws, wait, tell)
        plans.append(_plan_part(part, request, stack, aws, wait))
        outputs |= stack.outputs if stack else {}
    return tuple(plans)


def forget(plans: Sequence[PartPlan], aws: Aws) -> None:
    """Discard what was planned and is not to happen."""
    for plan in plans:
        if plan.change_set is not None:
            discard(plan.change_set.arn, aws)


def carry_out(
    wanted: Infrastructure,
    plans: Sequence[PartPlan],
    aws: Aws,
    wait: Callable[[], None],
    tell: Callable[[str, StackEvent], None],
) -> dict[str, str]:
    """Make what was planned so, part by part, and return the outputs of all, and what was given.

    Args:
        wanted: As it is to stand.
        plans: What was planned for it.
        aws: Where.
        wait: Waits between two looks.
        tell: Told of each thing that happens, and in which part.
    """
    outputs: dict[str, str] = {}
    for plan in plans:
        request = wanted.request(plan.part, outputs)
        if "CodeKey" in request.parameters:
            _store_code(request, aws)
        change_set = plan.change_set
        if plan.action == "create" or request != plan.request:
            # Only now it is known what the parts before are called.
            if change_set is not None:
                discard(change_set.arn, aws)
            action: Action = "create" if plan.action == "create" else "update"
            change_set = propose(request, action, aws, wait)
        stack = (
            execute(change_set, aws, wait, partial(tell, plan.part))
            if change_set
            else find_stack(request.name, aws)
        )
        outputs |= stack.outputs if stack else {}
    return {**wanted.parameters, **outputs}


def standing(wanted: Infrastructure, aws: Aws, parts: Sequence[str] = PARTS) -> dict[str, Stack]:
    """Return the stacks that are there, in the order in which they can be deleted."""
    found = {part: find_stack(wanted.stack_name(part), aws) for part in reversed(PARTS)}
    return {part: stack for part, stack in found.items() if stack and part in parts}


def kept(stacks: Mapping[str, Stack], aws: Aws) -> dict[str, str]:
    """Return what stays when `stacks` are deleted: the parameter that gives it, to its name."""
    if "storage" not in stacks:
        return {}
    there, outputs = physical_ids(stacks["storage"], aws), stacks["storage"].outputs
    return {
        parameter: outputs[parameter]
        for parameter, logical_id in (("BucketName", "Bucket"), ("KmsKeyArn", "Key"))
        if logical_id in there
    }


def remove(
    stacks: Mapping[str, Stack],
    aws: Aws,
    wait: Callable[[], None],
    tell: Callable[[str, StackEvent], None],
) -> None:
    """Delete stacks, one after the other; what they retain stays."""
    for part, stack in stacks.items():
        delete(stack, aws, wait, partial(tell, part))


def project_lines(outputs: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return key to value of what an environment of `fmo.yaml` says of these outputs."""
    keys = {output: key for part in PARTS for output, key in load_template(part).keys.items()}
    lists = {"subnets", "security_group_ids"}
    return {
        key: outputs[output].split(",") if key in lists else outputs[output]
        for output, key in keys.items()
        if output in outputs
    }


def _plan_part(
    part: str, request: StackRequest, stack: Stack | None, aws: Aws, wait: Callable[[], None]
) -> PartPlan:
    if stack is None:
        return PartPlan(part, request, "create", tuple(_additions(request, part)))
    can_change(stack)
    change_set = propose(request, "update", aws, wait)
    if change_set is None:
        return PartPlan(part, request, "none")
    return PartPlan(part, request, "update", change_set.changes, change_set)


def _additions(request: StackRequest, part: str) -> Iterator[ResourceChange]:
    made = load_template(part).resources(request.parameters)
    yield from (ResourceChange("Add", name, told["Type"]) for name, told in made.items())


def _store_code(request: StackRequest, aws: Aws) -> None:
    """Store the code of the functions, unless it is there."""
    code = bridge_code()
    bucket, key_arn = request.parameters["BucketName"], request.parameters["KmsKeyArn"]
    try:
        aws.call("s3", "HeadObject", Bucket=bucket, Key=code.key)
    except NotFoundError:
        aws.put(bucket, code.key, code.content, kms_key_id=key_arn or None)
