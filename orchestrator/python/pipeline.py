"""A pipeline in Python: checked, planned, compiled and run as `fmo` does it, and shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orchestrator import flow, flow_local
from orchestrator.compiler.environment import target_of
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import InputError, Problem
from orchestrator.interop.sagemaker_sdk import to_sdk
from orchestrator.python import cloud
from orchestrator.python.builder import NOTHING, SpecBuilder, as_text
from orchestrator.python.home import open_home
from orchestrator.python.notebook import current_display
from orchestrator.results.cell import pipeline_html, problems_html
from orchestrator.results.model import StepResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orchestrator.compiler.environment import Environment, NamedEnvironment
    from orchestrator.definition.changes import Change
    from orchestrator.local.home import Home
    from orchestrator.plan.model import Plan
    from orchestrator.python.cloud import Deployed, Execution
    from orchestrator.results.model import ExecutionResult
    from orchestrator.spec.fields import Scalar


def load(path: str | Path, *, overrides: Mapping[str, Scalar] = NOTHING) -> Pipeline:
    """Return the pipeline whose spec is in the file at `path`, with the `fmo.yaml` above it.

    Args:
        path: A YAML or JSON file.
        overrides: Path to value, as `--set` takes them: `{"steps.sft.learning_rate": 1e-4}`.

    Raises:
        InputError: With every problem found.
    """
    return Pipeline.from_yaml(path, overrides=overrides)


class Pipeline(SpecBuilder):
    """A spec that grows step by step, and runs.

    ```python
    from orchestrator import Pipeline, steps

    pipeline = Pipeline("support")
    split = pipeline.add("split", steps.dataset(data="./tickets"))
    sft = pipeline.add(
        "sft",
        steps.train(objective="sft", model_name_or_path="hf://Qwen/Qwen3-0.6B", data=split),
    )
    pipeline.add("exam", steps.evaluate(model=sft, data=split.output("test")))
    result = pipeline.run()
    result["exam"].metrics
    ```

    Paths are relative to the working folder, or to the file that the pipeline was loaded from.
    """

    def validate(self, env: str | None = None) -> tuple[Problem, ...]:
        """Check everything that can be checked before a run, and return warnings.

        With `env`, it is checked as that environment of `fmo.yaml` runs it, policy included.

        Raises:
            InputError: With every problem found.
        """
        return self._prepared(target_of(env, {})).warnings

    def plan(self, env: str | None = None) -> Plan:
        """Return the steps in order, with what each reads and makes.

        Raises:
            InputError: With every problem found.
        """
        return flow.plan_written(self.written(), self.folder, self.overrides, env)[0]

    def compile(
        self,
        env: str | None = None,
        *,
        bucket: str | None = None,
        role_arn: str | None = None,
        region: str | None = None,
    ) -> bytes:
        """Return the SageMaker Pipelines definition, as JSON.

        Args:
            env: An environment of `fmo.yaml`; with nothing given, this machine.
            bucket: For AWS: where code, data and outputs live.
            role_arn: For AWS: the jobs' execution role.
            region: For AWS: decides which images are used.

        Raises:
            InputError: With every problem found.
        """
        named = {"bucket": bucket, "role_arn": role_arn, "region": region}
        given = {name: value for name, value in named.items() if value}
        return self._prepared(target_of(env, given)).data

    def to_sdk(self, env: str, *, session: Any = None) -> Any:
        """Return a `Pipeline` of the SageMaker Python SDK, whose `definition()` is `compile(env)`.

        Args:
            env: An environment of `fmo.yaml`.
            session: The SDK's session; None for one as the SDK makes it.

        Raises:
            InputError: With every problem found, or if the SDK is not installed.
        """
        return to_sdk(parse_definition(self.compile(env)), self.name, session)

    def run(
        self,
        *,
        smoke: bool = False,
        parameters: Mapping[str, Scalar] = NOTHING,
        env: str | None = None,
        workers: int = 2,
        use_cache: bool = True,
        home: str | Path | None = None,
    ) -> ExecutionResult:
        """Run the pipeline on this machine, show how it goes, and return how it ended.

        A step that fails raises nothing: the result has status `Failed` and says why.

        Args:
            smoke: Rehearse with few rows and steps; the result is never registered.
            parameters: Values for this execution, by name.
            env: Run the definition of an environment of `fmo.yaml`.
            workers: Steps that run at once.
            use_cache: Whether a step may take what an equal one made before.
            home: Store, journal and executions; `FMO_HOME` or `.fmo` if None.

        Raises:
            InputError: With every problem found; nothing was started.
            StoreError: If the store or the journal cannot be used.
        """
        prepared, place = self._prepared(target_of(env, {})), open_home(home)
        display = current_display()
        display.warn((*prepared.warnings, *_downloads(prepared, place, smoke=smoke)))
        with display.running() as listener:
            result = flow_local.run_prepared(
                prepared,
                place,
                parameters={name: as_text(value) for name, value in parameters.items()},
                how=flow_local.HowToRun(listener, os.environ, workers=workers, use_cache=use_cache),
                smoke=smoke,
            )
        display.end(result)
        return result

    def diff(self, env: str | None = None) -> tuple[Change, ...]:
        """Return what deploying would change in the pipeline's definition; nothing is changed.

        Args:
            env: An environment of `fmo.yaml`; None where it has none, as for `deploy`.

        Raises:
            InputError: With every problem found.
            AwsError: If AWS refuses or cannot be reached.
        """
        return cloud.plan_deploy(self._prepared_for(env)[0])[0].changes

    def deploy(self, env: str | None = None, *, home: str | Path | None = None) -> Deployed:
        """Store code and data in S3, and create or update the pipeline; shows what changes.

        What is there already is left alone. Where `fmo.yaml` has no environments, the role is the
        caller's or that of the Studio app, and the bucket the one that the SageMaker SDK uses.

        Args:
            env: An environment of `fmo.yaml`.
            home: Whose store has models of the hub already; `FMO_HOME` or `.fmo` if None.

        Raises:
            InputError: With every problem found; nothing was changed.
            AwsError: If AWS refuses or cannot be reached; deploying again goes on.
        """
        return cloud.deploy(*self._prepared_for(env), open_home(home))

    def start(
        self,
        env: str | None = None,
        *,
        smoke: bool = False,
        parameters: Mapping[str, Scalar] = NOTHING,
        name: str | None = None,
        home: str | Path | None = None,
    ) -> Execution:
        """Start the pipeline on AWS as it is deployed; its jobs cost money.

        Args:
            env: An environment of `fmo.yaml`; None where it has none, as for `deploy`.
            smoke: Try it: few rows and steps, tiny models, gates only report.
            parameters: Values for this execution, by name.
            name: What the console shows for the execution.
            home: Where it is noted down for `fmo status`; `FMO_HOME` or `.fmo` if None.

        Raises:
            InputError: With every problem found; nothing was started.
            AwsError: If it is not deployed, or AWS refuses or cannot be reached.
        """
        texts = {name: as_text(value) for name, value in parameters.items()}
        prepared, place = self._prepared_for(env)[0], open_home(home)
        return cloud.start_execution(prepared, texts, place, smoke=smoke, name=name)

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r}, steps: {', '.join(self.step_names) or 'none'})"

    def _repr_html_(self) -> str:
        try:
            steps = self.plan().steps
        except InputError as error:
            return problems_html(self.name, error.problems)
        drawn = (StepResult(one.name, one.spec.kind, depends_on=one.depends_on) for one in steps)
        return pipeline_html(self.name, tuple(drawn))

    def _prepared_for(self, env: str | None) -> tuple[flow.Prepared, tuple[str, ...]]:
        """Return what is to run on AWS, and what nobody named."""
        there = cloud.destination(env, self.folder)
        return self._prepared(there.target), there.told

    def _prepared(self, target: Environment | NamedEnvironment) -> flow.Prepared:
        return flow.compile_written(self.written(), self.folder, self.overrides, target)


def _downloads(prepared: flow.Prepared, home: Home, *, smoke: bool) -> Iterator[Problem]:
    what = "its settings and tokenizer" if smoke else "it"
    takes = "" if smoke else ", which can take minutes"
    for model in flow_local.models_to_fetch(prepared, home, weights=not smoke):
        yield Problem(model, f"{what} will be downloaded first{takes}")
