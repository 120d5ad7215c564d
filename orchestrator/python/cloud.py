"""A pipeline on AWS, from a program: where it goes, what changes there, its executions."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING

from orchestrator import flow_aws
from orchestrator.aws import executions, watch
from orchestrator.aws.account import METADATA, account_defaults
from orchestrator.aws.clients import connect
from orchestrator.aws.deploy import plan_deployment
from orchestrator.aws.starts import plan_start, start
from orchestrator.compiler.environment import Environment, NamedEnvironment
from orchestrator.errors import InputError, Problem
from orchestrator.interop.sdk_defaults import read_sdk_defaults
from orchestrator.local.clock import SystemClock
from orchestrator.local.cloud_arns import remember_arn
from orchestrator.python.home import open_home
from orchestrator.python.notebook import current_display
from orchestrator.results.figures import plural
from orchestrator.spec.project_file import find_project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.deploy import DeploymentPlan
    from orchestrator.aws.starts import Start
    from orchestrator.flow import Prepared
    from orchestrator.interop.sdk_defaults import SdkDefaults
    from orchestrator.local.home import Home
    from orchestrator.results.model import ExecutionResult, StepResult

ACCOUNT = "account"
"""The environment that nobody wrote: what the account gives by itself."""
EVERY_SECONDS = 15.0
"""Between two looks at an execution."""


@dataclass(frozen=True)
class Deployed:
    """A pipeline that stands in an account."""

    pipeline_arn: str
    plan: DeploymentPlan = field(repr=False)
    """What had to change for that."""


class Execution:
    """One execution on AWS; it goes on there, whatever happens to this program."""

    def __init__(self, arn: str, aws: Aws | None = None) -> None:
        """Name an execution by its ARN; nothing is asked of AWS yet."""
        self.arn = arn
        self._aws = aws or connect(executions.region_of(arn))

    def result(self) -> ExecutionResult:
        """Return how it stands or ended, with what its steps wrote so far."""
        seen = executions.read_execution(self.arn, self._aws)
        return executions.with_outputs(seen.result, self._aws)

    def watch(self, *, every_seconds: float = EVERY_SECONDS) -> ExecutionResult:
        """Show how it goes until it ends, as a run on this machine is shown; return how it ended.

        Interrupting this leaves the execution running; `stop` ends it.
        """
        display, clock = current_display(), SystemClock()
        with display.running() as listener:
            watch.watch(self.arn, self._aws, listener, now=clock.now, wait=_waiting(every_seconds))
        result = self.result()
        display.end(result)
        return result

    def pull(self, *steps: str, home: str | Path | None = None) -> ExecutionResult:
        """Copy what `steps` wrote into the local store, and return the result with its paths.

        Args:
            steps: Names; none for all that succeeded.
            home: Whose store; `FMO_HOME` or `.fmo` if None.
        """
        place, result = open_home(home), self.result()
        for name in steps:
            result.step(name)
        pulled = flow_aws.pull(result, steps, place, self._aws)
        there = {(one.step, one.output): one.path for one in pulled if one.path}
        return replace(result, steps=tuple(_with_paths(step, there) for step in result.steps))

    def stop(self) -> str:
        """Ask for it to stop, and with it the jobs that run; return its status then."""
        return executions.stop(self.arn, self._aws)

    def __repr__(self) -> str:
        return f"Execution({self.arn!r})"


def destination(
    env: str | None,
    folder: Path,
    metadata: Path = METADATA,
    environ: Mapping[str, str] = os.environ,
) -> Destination:
    """Return where `env` is; without it, what the account of the caller gives by itself.

    Args:
        env: An environment of the `fmo.yaml` of `folder`.
        folder: Where the spec is.
        metadata: Where Studio tells about its app.
        environ: The caller's environment, which may name defaults files of the SageMaker SDK.

    Raises:
        InputError: If `fmo.yaml` has environments, and none is named.
        AwsError: If nothing is named, and the account gives no role or has no bucket.
    """
    if env is not None:
        return Destination(NamedEnvironment(env))
    project = find_project(folder / "spec")
    if project.environments:
        what = f"{project.file} has environments, and none is named"
        fix = f"Name one: {', '.join(map(repr, project.environments))}."
        raise InputError(Problem("env", what, fix))
    return _account(metadata, read_sdk_defaults(environ))


def _account(metadata: Path, sdk: SdkDefaults) -> Destination:
    """Return the account of the caller, with what the SDK's defaults files say of jobs."""
    aws = connect()
    found = account_defaults(aws, metadata, role_arn=sdk.role_arn, bucket=sdk.bucket)
    environment = Environment(
        name=ACCOUNT,
        bucket=found.bucket,
        role_arn=found.role_arn,
        region=aws.region,
        kms_key_id=sdk.kms_key_id,
        subnets=sdk.subnets,
        security_group_ids=sdk.security_group_ids,
        tags=sdk.tags,
        network_isolation=sdk.network_isolation,
    )
    told = (
        *(f"defaults     {file}, of the SageMaker SDK" for file in sdk.files),
        f"role         {found.role_arn}: {found.role_source}",
        f"bucket       {found.bucket}: {found.bucket_source}",
    )
    return Destination(environment, told)


@dataclass(frozen=True)
class Destination:
    """What to compile for, on AWS."""

    target: Environment | NamedEnvironment
    told: tuple[str, ...] = ()
    """What nobody named, a line for each."""


def plan_deploy(prepared: Prepared) -> tuple[DeploymentPlan, Aws]:
    """Return what has to change in the account of the environment, and that account."""
    aws = connect(prepared.environment.region)
    return plan_deployment(flow_aws.deployment_of(prepared), aws), aws


def deploy(prepared: Prepared, told: tuple[str, ...], home: Home) -> Deployed:
    """Show what changes in the account, change it, and return what stands there then."""
    plan, aws = plan_deploy(prepared)
    display = current_display()
    display.warn(prepared.warnings)
    display.tell(f"deploy {prepared.name}", (*told, *deployment_lines(plan, prepared, aws)))
    return Deployed(flow_aws.deploy(plan, home, aws, lambda _done: None), plan)


def deployment_lines(plan: DeploymentPlan, prepared: Prepared, aws: Aws) -> tuple[str, ...]:
    """Return where a pipeline goes, what is stored, and what happens to it, a line for each."""
    size = sum(upload.size_bytes for upload in plan.uploads)
    stored = f"{plural(len(plan.uploads), 'file')}, {size:,} bytes" if plan.uploads else "nothing"
    action = {"create": "create", "none": "no change"}.get(plan.action, "update")
    return (
        f"environment  {prepared.environment.name}: account {plan.caller.account}, {aws.region}",
        f"store        {stored} in s3://{prepared.environment.bucket}",
        f"pipeline     {prepared.name}: {action}",
    )


def start_execution(
    prepared: Prepared,
    parameters: Mapping[str, str],
    home: Home,
    *,
    smoke: bool,
    name: str | None,
) -> Execution:
    """Show what will run, start it as it is deployed, and return the execution."""
    given = flow_aws.parameters_to_start(prepared, parameters, smoke=smoke)
    aws = connect(prepared.environment.region)
    planned = plan_start(prepared.name, given, aws)
    current_display().tell(f"start {prepared.name}", start_lines(planned))
    arn = start(planned, aws, display_name=name)
    remember_arn(arn, home)
    return Execution(arn, aws)


def start_lines(planned: Start) -> tuple[str, ...]:
    """Return what costs money, and the parameters that win over their defaults."""
    parameters = (f"parameter    {name}={value}" for name, value in planned.parameters.items())
    jobs = (f"job          {step}: {what}" for step, what in planned.instances.items())
    return (*parameters, *jobs)


def _with_paths(step: StepResult, there: Mapping[tuple[str, str], Path]) -> StepResult:
    paths = {output: path for (name, output), path in there.items() if name == step.name}
    return replace(step, paths=paths)


def _waiting(seconds: float) -> Callable[[], None]:
    never = Event()

    def wait() -> None:
        never.wait(seconds)

    return wait
