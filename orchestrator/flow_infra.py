"""What an account needs for an environment, and what a role needs for a spec, as code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws import policy
from orchestrator.aws.infra import Infrastructure, parameters_are_known
from orchestrator.definition.reader import parse_definition
from orchestrator.spec.project import InfraSpec
from orchestrator.spec.project_file import find_project
from orchestrator.spec.project_load import FILE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.flow import Prepared


def infrastructure_of(env: str, folder: Path) -> tuple[Infrastructure, str]:
    """Return what is to stand in the account of the environment `env`, and its region.

    Args:
        env: An environment of the project that `folder` belongs to.
        folder: Where to look for `fmo.yaml`, and above.

    Raises:
        InputError: If there is no such environment, or it says what no template knows.
    """
    # What the environment lacks as yet is what is made.
    lacking = {"role_arn": "", "bucket": ""}
    spec = find_project(folder / FILE_NAME).environment(env, lacking)
    told = spec.infra or InfraSpec()
    parameters = {name: str(value) for name, value in told.parameters.items()}
    parameters_are_known(parameters, f"environments.{env}.infra.parameters")
    wanted = Infrastructure(
        prefix=told.prefix or f"fmo-{env}",
        parts=told.parts,
        parameters=parameters,
        tags=spec.tags,
        has_vpc=bool(spec.subnets),
    )
    return wanted, spec.region or ""


def policy_of(prepared: Prepared) -> dict[str, Json]:
    """Return the IAM policy that an execution needs of the environment's role.

    Raises:
        UnsupportedError: For steps of types that we do not know the needs of.
    """
    environment = prepared.environment
    place = policy.Place(environment.region, environment.bucket, environment.role_arn)
    return policy.policy_of(parse_definition(prepared.data), place)
