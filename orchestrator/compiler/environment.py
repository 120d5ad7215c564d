"""Where a definition will run: everything that may differ between `dev`, `prod` and a laptop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.spec.fields import ParameterSpec, Scalar
    from orchestrator.spec.project_load import Project


@dataclass(frozen=True)
class Environment:
    """Account, network and encryption of the jobs: all that two definitions may differ in."""

    name: str
    bucket: str
    """Code, data, outputs and checkpoints live under `s3://BUCKET/fmo/`."""
    role_arn: str
    """What the jobs may do: the execution role."""
    region: str
    """Decides the registry that the catalogue's images come from."""
    kms_key_id: str | None = None
    """Encrypts outputs, models and, where the instance has no local NVMe disk, volumes."""
    subnets: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    network_isolation: bool = False
    """No job reaches the network, not even through the VPC."""
    callback_queue_url: str | None = None
    """The queue of the bridge, into which callback steps write."""
    bedrock_role_arn: str | None = None
    """What Bedrock assumes for its jobs, instead of `role_arn`."""
    scheduler_role_arn: str | None = None
    """What EventBridge Scheduler assumes to start the pipeline."""
    scheduler_dead_letter_arn: str | None = None
    """The queue for starts that failed for good."""
    starter_function_arn: str | None = None
    """The Lambda function that starts a pipeline unless it runs."""
    notify_topic_arn: str | None = None
    """The SNS topic that hears how executions end."""
    local: bool = False
    """Whether parameters start from their `local` default."""

    @property
    def root(self) -> str:
        """Where everything of a pipeline lives: `s3://BUCKET/fmo`."""
        return f"s3://{self.bucket}/fmo"

    def default_of(self, parameter: ParameterSpec) -> Scalar | None:
        """Return a parameter's default as written; here `local` wins if this is a laptop."""
        if self.local and parameter.local is not None:
            return parameter.local
        return parameter.default


@dataclass(frozen=True)
class NamedEnvironment:
    """An environment of the project by its name, as `--env` gives it."""

    name: str
    given: Mapping[str, str] = field(default_factory=dict)
    """Values that win over the project's: `bucket`, `role_arn`, `region`."""


LOCAL = Environment(
    name="local",
    bucket="fmo-local",
    role_arn="arn:aws:iam::000000000000:role/fmo-local",
    region="us-east-1",
    callback_queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/fmo-local",
    local=True,
)
"""This machine: the bucket is a folder of the local store, the role is never assumed."""


def target_of(
    env: str | None, given: Mapping[str, str], *, option: str = ""
) -> Environment | NamedEnvironment:
    """Return what to compile for: the environment `env`, the account that is given, or here.

    Args:
        env: The name of an environment of the project.
        given: Values that win over it, or all three: `bucket`, `role_arn`, `region`.
        option: What stands before a name in problems: `--` on the command line.

    Raises:
        InputError: If there is no `env` and only some of the three are given.
    """
    if env is not None:
        return NamedEnvironment(env, given)
    if not given:
        return LOCAL
    names = [name for name in ("bucket", "role_arn", "region") if name not in given]
    if names:
        missing = " and ".join(_as_option(name, option) for name in names)
        fix = f"Give all three, or {option}env, or none for this machine."
        raise InputError(Problem("", f"{missing} missing", fix))
    return Environment("aws", given["bucket"], given["role_arn"], given["region"])


def _as_option(name: str, option: str) -> str:
    return option + name.replace("_", "-") if option else name


def environment_of(target: NamedEnvironment, project: Project) -> Environment:
    """Return the environment of `project` that `target` names.

    Raises:
        InputError: If there is none, or something that it needs is missing.
    """
    spec, given = project.environment(target.name, target.given), target.given
    return Environment(
        name=target.name,
        bucket=given.get("bucket") or spec.bucket or "",
        role_arn=given.get("role_arn") or spec.role_arn or "",
        region=given.get("region") or spec.region or "",
        kms_key_id=spec.kms_key_id,
        subnets=spec.subnets or (),
        security_group_ids=spec.security_group_ids or (),
        tags=spec.tags,
        network_isolation=bool(spec.network_isolation),
        callback_queue_url=spec.callback_queue_url,
        bedrock_role_arn=spec.bedrock_role_arn,
        scheduler_role_arn=spec.scheduler_role_arn,
        scheduler_dead_letter_arn=spec.scheduler_dead_letter_arn,
        starter_function_arn=spec.starter_function_arn,
        notify_topic_arn=spec.notify_topic_arn,
    )
