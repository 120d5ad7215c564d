"""The path's last part on AWS, as code: a prepared definition becomes a pipeline in an account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import flow
from orchestrator.aws.artifacts import artifacts_below, fetch
from orchestrator.aws.deploy import Deployment
from orchestrator.compiler.environment import NamedEnvironment
from orchestrator.compiler.sources import is_local_path
from orchestrator.compiler.triggers import (
    compile_triggers,
    new_data_bucket,
    trigger_names,
    triggers_have_their_arns,
)
from orchestrator.definition.smoke import SMOKE
from orchestrator.errors import InputError, Problem, UnsupportedError
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from orchestrator.aws.artifacts import Artifact
    from orchestrator.aws.clients import Aws
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


def deployment_of(prepared: Prepared) -> Deployment:
    """Return what is to stand in the account of the environment.

    Raises:
        SpecError: If a schedule or a notification needs what the environment lacks.
        UnsupportedError: For models of the hub, which nothing brings to the bucket yet.
    """
    _refuse_triggers(prepared)
    _refuse_hub_models(prepared)
    environment = prepared.environment
    plan = prepared.plan
    return Deployment(
        pipeline_name=prepared.name,
        definition=prepared.data,
        role_arn=environment.role_arn,
        bucket=environment.bucket,
        folders=prepared.assets,
        kms_key_id=environment.kms_key_id,
        tags=environment.tags,
        triggers=partial(_triggers, prepared),
        trigger_names=trigger_names(prepared.name),
        new_data_bucket=new_data_bucket(plan) if plan else None,
    )


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


def _refuse_hub_models(prepared: Prepared) -> None:
    problems = [
        Problem(
            f"hf://{hub.model.model_id}@{hub.model.revision}",
            "fmo does not bring models of the hub to S3 yet",
            "Copy its files to your bucket, and give their s3:// address in the spec.",
        )
        for hub in prepared.hub_models
    ]
    if problems:
        raise UnsupportedError(problems)
