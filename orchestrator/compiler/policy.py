"""The policy of a project, held against a plan and the environment it is compiled for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from orchestrator.compiler.kind_facts import kind_facts
from orchestrator.errors import Problem
from orchestrator.spec.fields import JobModel
from orchestrator.spec.register import RegisterSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.compiler.environment import Environment
    from orchestrator.plan.model import Plan, PlannedStep
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.project import PolicySpec
    from orchestrator.spec.project_load import Project

PARAMETER = "$params."


def refuse_what_policy_forbids(
    plan: Plan, environment: Environment, project: Project, findings: Findings
) -> None:
    """Add a problem for everything that the policy of `project` does not allow.

    Args:
        plan: What is to be compiled.
        environment: For where; it need not be one of the project's.
        project: Whose policy holds.
        findings: Of the spec; problems go there.
    """
    named = environment.name if environment.name in project.environments else None
    policy = project.policy(named)
    if policy.encryption_required and environment.kms_key_id is None:
        findings.problems.append(_no_key(environment, project, named))
    for step in plan.steps:
        _instances_are_allowed(step, plan, policy, findings)
        _required_steps_come_before(step, plan, policy, findings)
        _model_card_is_filled_in(step, policy, findings)


def _no_key(environment: Environment, project: Project, named: str | None) -> Problem:
    where = f"environments.{named}.kms_key_id" if named else "policy.encryption_required"
    what = f"the policy requires encryption and environment {environment.name!r} has no key"
    fix = (
        "Add `kms_key_id:`." if named else "Give an environment a `kms_key_id` and name it: --env."
    )
    return Problem(where, what, fix, file=project.file, line=project.line_of(where))


def _instances_are_allowed(
    step: PlannedStep, plan: Plan, policy: PolicySpec, findings: Findings
) -> None:
    allowed = policy.allowed_instance_types
    if allowed is None or not isinstance(step.spec, JobModel):
        return
    where = f"steps.{step.name}.instance_type"
    choose = f"Write one of {', '.join(allowed)}."
    written = step.spec.instance_type
    if isinstance(written, tuple):
        types = written
    elif written and written.startswith(PARAMETER):
        parameter = plan.parameters[written.removeprefix(PARAMETER)]
        if parameter.enum is None:
            what = f"the policy limits instances, and {written} may be any"
            findings.refuse(where, what, "Give the parameter an `enum` of allowed instances.")
        types = tuple(str(value) for value in parameter.enum or ())
    else:
        job = kind_facts(step.spec).job
        types = (written or (job.instance_type if job else ""),)
    for found in types:
        if not any(fnmatchcase(found, pattern) for pattern in allowed):
            said = "" if written else ", the default,"
            findings.refuse(where, f"the policy does not allow {found!r}{said} here", choose)


def _required_steps_come_before(
    step: PlannedStep, plan: Plan, policy: PolicySpec, findings: Findings
) -> None:
    required = policy.required_before.get(step.spec.kind, ())
    if not required:
        return
    present = {"gate"} if step.guards else set()
    present |= {earlier.spec.kind for earlier in _before(step, plan)}
    for kind in required:
        if kind not in present:
            what = f"the policy requires a step of kind {kind!r} before one of {step.spec.kind!r}"
            fix = "Add one that this step reads from, or name it in `after`."
            if kind == "gate":
                what = f"the policy requires a gate before a step of kind {step.spec.kind!r}"
                fix = "Add `gates:` to a step that measures, and read what it passes on."
            findings.refuse(f"steps.{step.name}", what, fix)


def _before(step: PlannedStep, plan: Plan) -> Iterator[PlannedStep]:
    """Yield every step that ends before `step` starts, because of what it reads."""
    waiting, seen = list(step.depends_on), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(plan.step(name).depends_on)
            yield plan.step(name)


def _model_card_is_filled_in(step: PlannedStep, policy: PolicySpec, findings: Findings) -> None:
    if not isinstance(step.spec, RegisterSpec):
        return
    for field in policy.required_model_card_fields:
        if getattr(step.spec.model_card, field) in {None, "", "Unknown"}:
            where = f"steps.{step.name}.model_card.{field}"
            what = "the policy requires this field of the model card, and it is not given"
            findings.refuse(where, what, f"Add `{field}:` under `model_card:`.")
