"""The whole life of a small pipeline in an account, phase by phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import flow, flow_aws
from orchestrator.aws import executions
from orchestrator.aws.deploy import carry_out, plan_deployment
from orchestrator.aws.starts import plan_start, start
from orchestrator.aws.watch import watch
from orchestrator.definition.model import walk
from orchestrator.definition.reader import parse_definition
from orchestrator.results.report import render_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.deploy import DeploymentPlan
    from orchestrator.aws.executions import Watched
    from orchestrator.compiler.environment import Environment
    from orchestrator.local.home import Home
    from orchestrator.results.model import ExecutionResult

SPEC = Path(__file__).parent / "spec.yaml"
USD_PER_HOUR = {"ml.t3.medium": 0.05, "ml.m5.large": 0.115}
"""List prices of us-east-1, from the pricing page of SageMaker; other regions differ."""
EXECUTIONS = 2
"""One that runs to its end, one that is stopped."""


class SmokeError(Exception):
    """Something was not as fmo takes it to be."""


@dataclass
class Life:
    """One smoke run: where, and what it has made so far."""

    aws: Aws
    environment: Environment
    home: Home
    say: Callable[[str], None]
    wait: Callable[[], None]
    started: list[str] = field(default_factory=list)
    """ARNs of executions."""
    stored: list[tuple[str, str]] = field(default_factory=list)
    """Bucket and key of what this run stored itself."""
    deployed: bool = False

    def run(self) -> None:
        """Go through every phase, and clean up whatever happens.

        Raises:
            SmokeError: At the first thing that is not as it should be.
            AwsError: If AWS refuses.
        """
        prepared = flow.compile_file(SPEC, {}, self.environment)
        plan = self._check(prepared)
        try:
            self._deploy(prepared, plan)
            result = self._run_to_the_end(prepared)
            self._report(result)
            self._pull(result)
            self._stop(prepared)
        finally:
            self._clean_up(prepared.name)

    def _check(self, prepared: flow.Prepared) -> DeploymentPlan:
        plan = plan_deployment(flow_aws.deployment_of(prepared), self.aws)
        if plan.action != "create":
            msg = (
                f"a pipeline '{prepared.name}' is there already. Delete it, or use another account."
            )
            raise SmokeError(msg)
        self.say(f"check: account {plan.caller.account}, bucket {self.environment.bucket}")
        return plan

    def _deploy(self, prepared: flow.Prepared, plan: DeploymentPlan) -> None:
        self.stored = [(upload.bucket, upload.key) for upload in plan.uploads]
        self.deployed = True
        arn = carry_out(plan, self.aws)
        again = plan_deployment(flow_aws.deployment_of(prepared), self.aws)
        expect("a second deployment has nothing to do", again.changes_nothing, again)
        self.say(f"deploy: {arn}")

    def _start(self, prepared: flow.Prepared) -> str:
        parameters = flow_aws.parameters_to_start(prepared, {}, smoke=True)
        arn = start(plan_start(prepared.name, parameters, self.aws), self.aws)
        self.started.append(arn)
        self.say(f"start: {arn}")
        return arn

    def _watched(self, arn: str) -> Watched:
        return watch(arn, self.aws, lambda _: None, now=_now, wait=self.wait)

    def _run_to_the_end(self, prepared: flow.Prepared) -> ExecutionResult:
        arn = self._start(prepared)
        seen = self._watched(arn)
        result = executions.with_outputs(seen.result, self.aws)
        for step in result.steps:
            reason = f": {step.failure_reason}" if step.failure_reason else ""
            self.say(f"watch: {step.name} {step.status}{reason}")
        expect("the execution succeeds", result.status == "Succeeded", result.failure_reason)
        for name in ("rows", "fit"):
            expect(f"'{name}' has a log", name in seen.jobs, sorted(seen.jobs))
        expect("metrics.json is read", "rows" in result["rows"].metrics, result["rows"].metrics)
        return result

    def _report(self, result: ExecutionResult) -> None:
        self.home.make()
        path = self.home.root / "aws-smoke.html"
        path.write_text(render_report(result), encoding="utf-8")
        self.say(f"report: {path}")

    def _pull(self, result: ExecutionResult) -> None:
        pulled = list(flow_aws.pull(result, ["rows"], self.home, self.aws))
        sizes = {one.output: one.size_bytes for one in pulled}
        expect("outputs can be pulled", bool(sizes) and all(sizes.values()), sizes)
        self.say(f"pull: {sizes}")

    def _stop(self, prepared: flow.Prepared) -> None:
        arn = self._start(prepared)
        while not executions.read_execution(arn, self.aws).jobs:
            self.wait()
        executions.stop(arn, self.aws)
        seen = self._watched(arn)
        expect("a stopped execution is Stopped", seen.result.status == "Stopped", seen.result)
        self.say("stop: Stopped")

    def _clean_up(self, pipeline_name: str) -> None:
        """Delete what this run made: executions first, which would go on writing."""
        for arn in self.started:
            executions.stop(arn, self.aws)
            self._watched(arn)
        if self.deployed:
            self.aws.call("sagemaker", "DeletePipeline", PipelineName=pipeline_name)
        for bucket, key in (*self.stored, *self._written(pipeline_name)):
            self.aws.call("s3", "DeleteObject", Bucket=bucket, Key=key)
        self.say("clean up: pipeline and objects are deleted; logs of jobs stay in CloudWatch")

    def _written(self, pipeline_name: str) -> Iterator[tuple[str, str]]:
        bucket = self.environment.bucket
        prefix = f"fmo/executions/{pipeline_name}/"
        for page in self.aws.pages("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix):
            yield from ((bucket, found["Key"]) for found in page.get("Contents", ()))


def cost_lines(definition: bytes) -> Iterator[str]:
    """Yield what each job can cost at most, and the sum over all executions."""
    total = 0.0
    for placed in walk(parse_definition(definition).steps):
        arguments: Any = placed.step.arguments
        cluster = arguments.get("ResourceConfig") or arguments.get("ProcessingResources", {}).get(
            "ClusterConfig"
        )
        if not cluster:
            continue
        seconds = arguments["StoppingCondition"]["MaxRuntimeInSeconds"]
        price = USD_PER_HOUR[cluster["InstanceType"]] * seconds / 3600
        total += price * EXECUTIONS
        yield (
            f"{placed.step.name}: {cluster['InstanceCount']} x {cluster['InstanceType']}, "
            f"at most {seconds} s, {EXECUTIONS} times: {price * EXECUTIONS:.3f} USD"
        )
    yield f"at most {ceil(total * 100) / 100:.2f} USD of compute, and cents for S3 and CloudWatch"


def expect(what: str, holds: bool, found: object) -> None:  # noqa: FBT001 - reads as a sentence
    """Go on if it holds.

    Raises:
        SmokeError: If not.
    """
    if not holds:
        msg = f"expected that {what}; found {found!r}"
        raise SmokeError(msg)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clock of a tool
