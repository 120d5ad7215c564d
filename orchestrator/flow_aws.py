"""The path's last part on AWS, as code: a prepared definition becomes a pipeline in an account."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import flow
from orchestrator.aws.artifacts import artifacts_below, fetch
from orchestrator.aws.deploy import Deployment, carry_out
from orchestrator.aws.mirror import HubFolder
from orchestrator.aws.preflight import Flight, account_is_ready, caller_in_account_of
from orchestrator.compiler.environment import LOCAL, NamedEnvironment, environment_of
from orchestrator.compiler.lock import hub_key, locked_model
from orchestrator.compiler.origins import fields_naming
from orchestrator.compiler.sources import is_local_path
from orchestrator.compiler.triggers import (
    compile_triggers,
    new_data_bucket,
    trigger_names,
    triggers_have_their_arns,
)
from orchestrator.compiler.values import hub_uri
from orchestrator.definition.smoke import SMOKE
from orchestrator.errors import InputError, Problem, SpecError
from orchestrator.local.hub import fetch_model, is_stored
from orchestrator.local.store import Store
from orchestrator.plan.model import HubModel
from orchestrator.spec.project_file import find_project

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from orchestrator.aws.artifacts import Artifact
    from orchestrator.aws.assets import Upload
    from orchestrator.aws.clients import Aws
    from orchestrator.aws.deploy import DeploymentPlan
    from orchestrator.aws.mirror import MissingFile
    from orchestrator.aws.starts import Start
    from orchestrator.compiler.environment import Environment
    from orchestrator.definition.triggers import Trigger
    from orchestrator.flow import Prepared
    from orchestrator.local.home import Home
    from orchestrator.results.model import ExecutionResult


def compile_for(path: Path, overrides: Mapping[str, str], env: str) -> Prepared:
    """Return the spec at `path`, compiled for the environment `env` of its project.

    Raises:
        InputError: With every problem of the project file or of the spec.
    """
    return flow.compile_file(path, overrides, NamedEnvironment(env))


def environment_here(folder: Path, env: str) -> Environment:
    """Return the environment `env` of the project that `folder` belongs to.

    Raises:
        InputError: If there is none.
    """
    return environment_of(NamedEnvironment(env), find_project(folder / "spec"))


def deployment_of(prepared: Prepared) -> Deployment:
    """Return what is to stand in the account of the environment.

    Raises:
        SpecError: For models of the hub that are not locked, and if a schedule or a notification
            needs what the environment lacks.
    """
    _refuse_triggers(prepared)
    environment = prepared.environment
    plan = prepared.plan
    return Deployment(
        pipeline_name=prepared.name,
        definition=prepared.data,
        role_arn=environment.role_arn,
        bucket=environment.bucket,
        folders=prepared.assets,
        models=_hub_folders(prepared),
        kms_key_id=environment.kms_key_id,
        tags=environment.tags,
        triggers=partial(_triggers, prepared),
        trigger_names=trigger_names(prepared.name),
        new_data_bucket=new_data_bucket(plan) if plan else None,
    )


def preflight(plan: DeploymentPlan, aws: Aws) -> tuple[str, ...]:
    """Return what could not be checked; all else that the pipeline needs is in the account.

    Raises:
        PreflightError: With everything that is missing.
    """
    one = plan.deployment
    arriving = [folder.uri for folder in one.folders] + [model.uri for model in one.models]
    flight = Flight(
        one.definition, one.role_arn, one.bucket, kms_key_id=one.kms_key_id, arriving=arriving
    )
    return account_is_ready(flight, plan.caller.account, aws)


def preflight_start(prepared: Prepared, planned: Start, aws: Aws) -> tuple[str, ...]:
    """Return what could not be checked; all else that the execution needs is in the account.

    Raises:
        AwsError: If credentials are another account's, or something is missing.
    """
    environment = prepared.environment
    caller = caller_in_account_of(environment.role_arn, aws)
    flight = Flight(
        planned.definition,
        environment.role_arn,
        environment.bucket,
        kms_key_id=environment.kms_key_id,
        parameters=planned.parameters,
    )
    return account_is_ready(flight, caller.account, aws)


def deploy(
    plan: DeploymentPlan, home: Home, aws: Aws, done: Callable[[Upload | MissingFile], None]
) -> str:
    """Make what `plan` says so, and return the pipeline's ARN.

    Files of the hub go by way of `home`, one at a time; what a run has left there is taken.
    """
    if plan.models:
        home.make()
    store = Store(home.store)
    return carry_out(plan, aws, done, lambda file: _hub_file(file, store))


def parameters_to_start(
    prepared: Prepared, given: Mapping[str, str], *, smoke: bool = False
) -> Mapping[str, str]:
    """Return the parameters of an execution on AWS; `smoke` tries it on little.

    Raises:
        InputError: If one of them is a file of this machine.
    """
    known = prepared.plan.parameters if prepared.plan else {}
    problems = [
        Problem(f"--param {name}", f"{value!r} is on this machine", "Give an s3:// address.")
        for name, value in given.items()
        if name in known and known[name].type == "S3Uri" and is_local_path(value)
    ]
    if problems:
        raise InputError(problems)
    return {**given, SMOKE: "true"} if smoke else given


@dataclass(frozen=True)
class Pulled:
    """What a step wrote, on this machine."""

    step: str
    output: str
    path: Path | None
    """None if the output is empty."""
    size_bytes: int


def pull(result: ExecutionResult, steps: Collection[str], home: Home, aws: Aws) -> Iterator[Pulled]:
    """Yield each output of `steps` once it is in the local store; what is there is not fetched.

    Args:
        result: An execution on AWS.
        steps: Names; empty is all that succeeded.
        home: Whose store.
        aws: The account and region of the execution.
    """
    home.make()
    store = Store(home.store)
    for step in result.steps:
        if step.status != "Succeeded" or (steps and step.name not in steps):
            continue
        for name, uri in step.outputs.items():
            if uri.startswith("s3://"):
                size = sum(_pulled(found, store, aws) for found in artifacts_below(uri, aws))
                yield Pulled(step.name, name, store.path(uri), size)


def _pulled(artifact: Artifact, store: Store, aws: Aws) -> int:
    """Return the size of `artifact`, which is then in the store."""
    stored = store.find(artifact.uri)
    # The name of an output holds the execution's id: what is written there does not change.
    if stored is None or stored.size_bytes != artifact.size_bytes:
        with store.scratch() as folder:
            path = Path(folder) / "object"
            fetch(artifact, path, aws)
            store.put_file(artifact.uri, path, give_away=True)
    return artifact.size_bytes


def _refuse_triggers(prepared: Prepared) -> None:
    if prepared.plan and prepared.loaded:
        findings = prepared.loaded.findings(prepared.file)
        triggers_have_their_arns(prepared.plan, prepared.environment, findings)
        findings.raise_problems()


def _triggers(prepared: Prepared, pipeline_arn: str) -> Sequence[Trigger]:
    if prepared.plan is None:
        return ()
    return compile_triggers(prepared.plan, prepared.environment, pipeline_arn)


def _hub_folders(prepared: Prepared) -> list[HubFolder]:
    """Return the models of the hub that the bucket must have.

    Raises:
        SpecError: For each that is not locked, at the fields that name it.
    """
    lock = prepared.lock.lock if prepared.lock else None
    folders: list[HubFolder] = []
    problems: list[Problem] = []
    for hub in prepared.hub_models:
        locked = locked_model(lock, hub.model)
        if locked is None:
            problems += _not_locked(prepared, hub.model)
        else:
            folders.append(HubFolder(hub.uri, hub.model.model_id, locked.commit, locked.files))
    if problems:
        raise SpecError(problems)
    return folders


def _not_locked(prepared: Prepared, model: HubModel) -> list[Problem]:
    what = f"{hub_key(model)} is not locked, and jobs on AWS read models from the bucket only"
    fix = f"Run: fmo lock {prepared.file or 'FILE'}."
    if prepared.plan is None or prepared.loaded is None:
        return [Problem(hub_key(model), what, fix)]
    findings = prepared.loaded.findings(prepared.file)
    for where in fields_naming(prepared.plan, model):
        findings.refuse(where, what, fix)
    return findings.in_order()


@contextmanager
def _hub_file(file: MissingFile, store: Store) -> Iterator[Path]:
    """Yield a file of the hub: the store's, or else one that is fetched and then removed."""
    model = file.model
    uri = hub_uri(LOCAL.root, HubModel(model.model_id, model.commit))
    found = store.find(uri + file.name) if is_stored(uri, store) else None
    if found is not None:
        yield found.path
        return
    with store.scratch() as folder:
        fetch_model(model.model_id, model.commit, Path(folder), only=file.name)
        yield Path(folder) / file.name
