"""Steps of kind `jumpstart` with what is locked of their models, held to what JumpStart takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.compiler.hyperparameters import broken_value
from orchestrator.plan.kinds import LOCAL_MODEL
from orchestrator.plan.model import TrainingArtifacts
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from orchestrator.compiler.lock import LockedJumpstart, LockFile
    from orchestrator.plan.model import Plan, PlannedStep
    from orchestrator.spec.findings import Findings


def jumpstart_models(plan: Plan) -> tuple[str, ...]:
    """Return the models of JumpStart that `plan` trains, `ID` or `ID@VERSION`, sorted."""
    specs = [step.spec for step in plan.steps if isinstance(step.spec, JumpstartSpec)]
    names = {f"{one.model_id}@{one.model_version or ''}".rstrip("@") for one in specs}
    return tuple(sorted(names))


def warn_of_stand_ins(plan: Plan, findings: Findings) -> None:
    """Say which models of JumpStart a tiny new one stands in for on this machine."""
    for step in plan.steps:
        if isinstance(step.spec, JumpstartSpec) and LOCAL_MODEL not in step.inputs:
            what = f"on this machine a tiny new model is trained in place of {step.spec.model_id}"
            fix = "Or name one to train: `local_model: ./folder` or hf://ID."
            findings.warn(f"steps.{step.name}.model_id", what, fix)


def with_artifacts(step: PlannedStep, found: LockFile, findings: Findings) -> PlannedStep:
    """Return `step` with what JumpStart trains it with, if it is of that kind and locked.

    Terms that are not accepted, and hyperparameters and instances that JumpStart would refuse, are
    problems.
    """
    spec = step.spec
    if not isinstance(spec, JumpstartSpec):
        return step
    locked = found.lock.jumpstart.get(spec.model_id)
    if locked is None:
        return step
    where = f"steps.{step.name}"
    if spec.model_version not in {None, locked.version}:
        what = f"version {locked.version} is locked in {found.path.name}, not {spec.model_version}"
        fix = f"Run: fmo lock {findings.file or 'FILE'} --env NAME."
        findings.refuse(f"{where}.model_version", what, fix)
    if locked.eula_uri is not None and not spec.accept_eula:
        what = f"{spec.model_id} is only for who accepts its terms, {_address(locked)}"
        findings.refuse(f"{where}.accept_eula", what, "Read them, and write `accept_eula: true`.")
    _refuse_instances(spec, locked, where, findings)
    _refuse_hyperparameters(spec, locked, where, findings)
    return replace(step, artifacts=_artifacts(locked))


def _address(locked: LockedJumpstart) -> str:
    """Where a browser finds the terms: JumpStart's bucket is public."""
    bucket, _, key = (locked.eula_uri or "").removeprefix("s3://").partition("/")
    return f"https://{bucket}.s3.{locked.region}.amazonaws.com/{key}"


def _refuse_instances(
    spec: JumpstartSpec, locked: LockedJumpstart, where: str, findings: Findings
) -> None:
    kind, known = spec.instance_type, locked.supported_instance_types
    chosen = (kind,) if isinstance(kind, str) else kind or ()
    for one in chosen if known else ():
        if not one.startswith("$") and one not in known:
            what = f"JumpStart does not train {spec.model_id} on {one}"
            findings.refuse(f"{where}.instance_type", what, f"Write one of {', '.join(known)}.")


def _refuse_hyperparameters(
    spec: JumpstartSpec, locked: LockedJumpstart, where: str, findings: Findings
) -> None:
    known = {*locked.rules, *locked.hyperparameters}
    if spec.task == "chat" and "chat_dataset" not in known:
        what = f"{spec.model_id} {locked.version} learns no conversations"
        findings.refuse(f"{where}.task", what, "Write instruction or domain_adaptation.")
    for name, value in spec.hyperparameters.items():
        field = f"{where}.hyperparameters.{name}"
        if name not in known:
            what = f"{spec.model_id} {locked.version} has no such hyperparameter"
            findings.refuse(field, what, did_you_mean(name, known, noun="names"))
        elif name in locked.rules:
            broken = broken_value(value, locked.rules[name])
            if broken:
                findings.refuse(field, *broken)


def _artifacts(locked: LockedJumpstart) -> TrainingArtifacts:
    return TrainingArtifacts(
        region=locked.region,
        image_uri=locked.training_image_uri,
        model_uri=locked.training_artifact_uri,
        script_uri=locked.script_uri,
        hyperparameters=locked.hyperparameters,
        environment=locked.environment,
        instance_type=locked.instance_type,
    )
