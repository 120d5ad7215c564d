"""Specs written in Python: the same models as from YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from orchestrator.errors import Problem, SpecError
from orchestrator.spec.fields import ParameterSpec, Scalar
from orchestrator.spec.findings import Findings
from orchestrator.spec.load import load_spec
from orchestrator.spec.pipeline import PipelineSpec, StepSpec
from orchestrator.spec.problems import refuse_all
from orchestrator.spec.reader import decode_spec
from orchestrator.spec.writer import spec_to_yaml

NO_OVERRIDES: Mapping[str, str] = {}


def load(path: str | Path, *, overrides: Mapping[str, str] = NO_OVERRIDES) -> PipelineSpec:
    """Return the spec in the file at `path`.

    Args:
        path: A YAML or JSON file.
        overrides: Path to value as text: `{"steps.sft.learning_rate": "1e-4"}`.

    Raises:
        SpecError: With every problem found.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        what = f"{str(file)!r} cannot be read: {error.strerror}"
        raise SpecError(Problem("", what, "Name a spec, such as ./pipeline.yaml.")) from error
    return load_spec(decode_spec(data, file=file), file=file, overrides=overrides)


class StepHandle(str):
    """A step that was added, as the reference to its main output: `$split`."""

    __slots__ = ()

    def output(self, name: str) -> str:
        """Return the reference to one output: `$split.test`."""
        return f"{self}.{name}"

    def metric(self, name: str) -> str:
        """Return the reference to one metric, for a gate: `$exam.metrics.accuracy`."""
        return f"{self}.metrics.{name}"


class Pipeline:
    """A spec that grows step by step.

    ```python
    from orchestrator import Pipeline, steps

    pipeline = Pipeline("support")
    split = pipeline.add("split", steps.dataset(data="./tickets"))
    sft = pipeline.add(
        "sft",
        steps.train(objective="sft", model_name_or_path="hf://Qwen/Qwen3-0.6B", data=split),
    )
    pipeline.add("exam", steps.evaluate(model=sft, data=split.output("test")))
    spec = pipeline.spec()
    ```
    """

    def __init__(self, name: str, *, description: str | None = None) -> None:
        self.name = name
        self.description = description
        self.parameters: dict[str, ParameterSpec] = {}
        self.steps: dict[str, StepSpec] = {}

    def add(self, name: str, step: StepSpec) -> StepHandle:
        """Add `step` under `name`, and return the reference to what it makes.

        Raises:
            SpecError: If the name is taken.
        """
        if name in self.steps:
            where = f"steps.{name}"
            raise SpecError(Problem(where, "a step of this name was added", "Choose another name."))
        self.steps[name] = step
        return StepHandle(f"${name}")

    def parameter(
        self,
        name: str,
        type: Literal["String", "Integer", "Float", "Boolean", "S3Uri"],  # noqa: A002
        *,
        default: Scalar | None = None,
        local: Scalar | None = None,
        enum: Sequence[Scalar] | None = None,
        description: str | None = None,
    ) -> str:
        """Declare a pipeline parameter, and return the reference to it: `$params.Name`.

        Args:
            name: Letters and digits.
            type: The type of its values.
            default: The value when none is given.
            local: The default on the local backend.
            enum: The only values allowed.
            description: What it is for.

        Raises:
            SpecError: If a value is not of that type.
        """
        given = {
            "type": type,
            "default": default,
            "local": local,
            "enum": enum,
            "description": description,
        }
        fields = {key: value for key, value in given.items() if value is not None}
        try:
            self.parameters[name] = ParameterSpec.model_validate(fields)
        except ValidationError as error:
            findings = Findings(None, {})
            refuse_all(error, fields, findings, ParameterSpec)
            raise SpecError(findings.problems) from error
        return f"$params.{name}"

    def spec(self) -> PipelineSpec:
        """Return the spec.

        Raises:
            SpecError: With every problem of names; steps were checked as they were made.
        """
        data: dict[str, object] = {"name": self.name, "steps": dict(self.steps)}
        if self.description is not None:
            data["description"] = self.description
        if self.parameters:
            data["parameters"] = dict(self.parameters)
        try:
            return PipelineSpec.model_validate(data)
        except ValidationError as error:
            findings = Findings(None, {})
            refuse_all(error, data, findings)
            raise SpecError(findings.problems) from error

    def to_yaml(self) -> str:
        """Return the spec as YAML that reads back as the same spec."""
        return spec_to_yaml(self.spec())
