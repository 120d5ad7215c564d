"""A home, and a builder of small pipelines whose jobs are a few lines of Python."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.definition.expressions import Get, Join
from orchestrator.definition.model import Definition, Parameter, Step, definition_bytes
from orchestrator.local.home import Home
from orchestrator.local.run import RunOptions, run_definition
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from orchestrator.results.events import Event
    from orchestrator.results.model import ExecutionResult

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
QUICK = ("-I", "-S")
"""Python's flags: the jobs of most tests need no packages, and start in 7 ms."""


@dataclass
class Lab:
    """A home of its own, with what happened in it."""

    home: Home
    events: list[Event] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.home.store)

    def processing(
        self,
        name: str,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
        arguments: Sequence[Any] = (),
        seconds: int | None = None,
        environment: Mapping[str, str] | None = None,
        **step: Any,
    ) -> Step:
        """Return a Processing step that runs `code`, which sees `ml`, the job's root."""
        limit = {"StoppingCondition": {"MaxRuntimeInSeconds": seconds}} if seconds else {}
        request = {
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", *QUICK, "-c", program(code)],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "ProcessingInputs": [
                {
                    "InputName": channel,
                    "S3Input": {
                        "S3Uri": uri,
                        "LocalPath": f"/opt/ml/processing/input/{channel}",
                        "S3DataType": "S3Prefix",
                    },
                }
                for channel, uri in (inputs or {}).items()
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": output,
                        "S3Output": {
                            "S3Uri": output_uri(name, output),
                            "LocalPath": f"/opt/ml/processing/output/{output}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for output in outputs
                ]
            },
            **limit,
            **({"Environment": dict(environment)} if environment else {}),
        }
        return Step(name, "Processing", request, **step)

    def training(
        self,
        name: str,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        checkpoints: str | None = None,
        compression: str = "NONE",
        tensorboard: Mapping[str, Any] | None = None,
        **step: Any,
    ) -> Step:
        """Return a Training step that runs `code`, which sees `ml`, the job's root."""
        request = {
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", *QUICK, "-c", program(code)],
            },
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                }
                for channel, uri in (inputs or {}).items()
            ],
            "OutputDataConfig": {
                "S3OutputPath": output_uri(name, "model"),
                "CompressionType": compression,
            },
            **({"CheckpointConfig": {"S3Uri": checkpoints}} if checkpoints else {}),
            **({"TensorBoardOutputConfig": dict(tensorboard)} if tensorboard else {}),
        }
        return Step(name, "Training", request, **step)

    def run(
        self,
        *steps: Step,
        parameters: Sequence[Parameter] = (),
        given: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
        **keywords: Any,
    ) -> ExecutionResult:
        """Run a pipeline of `steps` and return how it went."""
        return run_definition(
            definition_bytes(Definition(tuple(parameters), tuple(steps))),
            self.home,
            parameters=given or {},
            listener=self.events.append,
            options=options,
            **keywords,
        )

    def text(self, result: ExecutionResult, step: str, output: str, file: str) -> str:
        """Return the text of a file in a step's output."""
        return self.store.get(f"{result.step(step).outputs[output].rstrip('/')}/{file}").decode()


def program(code: str) -> str:
    """Return `code` with what every job of the tests starts with."""
    start = "import os, pathlib, sys\nml = pathlib.Path(os.environ['FMO_ML_ROOT'])\n"
    return start + textwrap.dedent(code)


def output_uri(step: str, output: str) -> Any:
    """Return where a step's output goes: below the execution's id."""
    return Join("/", ["s3://lab/runs", Get("Execution.PipelineExecutionId"), step, output])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(Home(tmp_path / "home"))


@pytest.fixture
def read_output() -> Callable[[str, str], Any]:
    """Return the expression for where a Processing step's output lies."""

    def expression(step: str, output: str) -> Any:
        return Get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri")

    return expression
