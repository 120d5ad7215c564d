"""The path's last part on AWS, as code: a prepared definition becomes a pipeline in an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator import flow
from orchestrator.aws.deploy import Deployment
from orchestrator.compiler.environment import NamedEnvironment
from orchestrator.compiler.sources import is_local_path
from orchestrator.definition.smoke import SMOKE
from orchestrator.errors import InputError, Problem, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.flow import Prepared


def compile_for(path: Path, overrides: Mapping[str, str], env: str) -> Prepared:
    """Return the spec at `path`, compiled for the environment `env` of its project.

    Raises:
        InputError: With every problem of the project file or of the spec.
    """
    return flow.compile_file(path, overrides, NamedEnvironment(env))


def deployment_of(prepared: Prepared) -> Deployment:
    """Return what is to stand in the account of the environment.

    Raises:
        UnsupportedError: For models of the hub, which nothing brings to the bucket yet.
    """
    _refuse_hub_models(prepared)
    environment = prepared.environment
    return Deployment(
        pipeline_name=prepared.name,
        definition=prepared.data,
        role_arn=environment.role_arn,
        bucket=environment.bucket,
        folders=prepared.assets,
        kms_key_id=environment.kms_key_id,
        tags=environment.tags,
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
