"""A spec that grows in Python, step by step, from nothing or from what a file says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import ValidationError

from orchestrator import specs
from orchestrator.errors import Problem, SpecError
from orchestrator.python.home import open_home
from orchestrator.python.rows import store_table
from orchestrator.spec.fields import ParameterSpec, Scalar
from orchestrator.spec.findings import Findings
from orchestrator.spec.load import Written
from orchestrator.spec.overrides import apply_overrides
from orchestrator.spec.problems import refuse_all
from orchestrator.spec.writer import data_to_yaml, step_to_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.python.rows import Table
    from orchestrator.spec.composer import Tree
    from orchestrator.spec.pipeline import PipelineSpec, StepSpec

NOTHING: Mapping[str, Scalar] = {}


class StepHandle(str):
    """A step that was added, as the reference to its main output: `$split`."""

    __slots__ = ()

    def output(self, name: str) -> str:
        """Return the reference to one output: `$split.test`."""
        return f"{self}.{name}"

    def metric(self, name: str) -> str:
        """Return the reference to one metric, for a gate: `$exam.metrics.accuracy`."""
        return f"{self}.metrics.{name}"


class SpecBuilder:
    """Parameters and steps, and the spec that they are."""

    def __init__(
        self,
        name: str,
        *,
        description: str | None = None,
        schedule: Mapping[str, Tree] | None = None,
        notify: Mapping[str, Tree] | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.schedule = schedule
        """When it starts by itself once deployed: `{"rate": "7 days"}`."""
        self.notify = notify
        """Which ends are told: `{"on_status": ["Failed"]}`."""
        self.added_parameters: dict[str, ParameterSpec] = {}
        self.added_steps: dict[str, StepSpec] = {}
        self.loaded = Written({})
        """What a file says, to which the steps are added."""
        self.folder = Path()
        """What paths are relative to: the working folder, or that of the file."""
        self.overrides: Mapping[str, str] = {}
        """Path to value as text; they win over everything."""

    @classmethod
    def from_yaml(cls, path: str | Path, *, overrides: Mapping[str, Scalar] = NOTHING) -> Self:
        """Return the pipeline whose spec is in the file at `path`; more steps may be added.

        Args:
            path: A YAML or JSON file.
            overrides: Path to value, as `--set` takes them.

        Raises:
            InputError: With every problem found.
        """
        file = Path(path)
        given = {key: as_text(value) for key, value in overrides.items()}
        loaded, _ = specs.load_file(file, given)
        pipeline = cls(loaded.spec.name, description=loaded.spec.description)
        pipeline.loaded, pipeline.folder = specs.read_file(file), file.parent
        pipeline.overrides = given
        return pipeline

    def add(self, name: str, step: StepSpec) -> StepHandle:
        """Add `step` under `name`, and return the reference to what it makes.

        Raises:
            SpecError: If the name is taken.
        """
        if name in self.step_names:
            where = f"steps.{name}"
            raise SpecError(Problem(where, "a step of this name was added", "Choose another name."))
        self.added_steps[name] = step
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
            self.added_parameters[name] = ParameterSpec.model_validate(fields)
        except ValidationError as error:
            findings = Findings(None, {})
            refuse_all(error, fields, findings, ParameterSpec)
            raise SpecError(findings.problems) from error
        return f"$params.{name}"

    def data(self, name: str, table: Table, *, home: str | Path | None = None) -> str:
        """Write the rows of `table` to a file called `name`, and return its path for a step.

        Args:
            name: Letters, digits, `-` and `_`.
            table: A pandas DataFrame, a pyarrow Table or a list of dicts.
            home: Where to; the home of the runs if None.

        Raises:
            DataError: If there are no rows, or one holds what JSON cannot.
        """
        return str(store_table(table, open_home(home), name=name))

    def spec(self, env: str | None = None) -> PipelineSpec:
        """Return the spec, with the defaults of `fmo.yaml` and of its environment `env`.

        Raises:
            InputError: With every problem found.
        """
        return specs.load_written(self.written(), self.folder, self.overrides, env)[0].spec

    def to_yaml(self) -> str:
        """Return the spec as YAML that reads back as the same spec; defaults are left out.

        Raises:
            InputError: With every problem found.
        """
        self.spec()
        data = dict(self.written().data)
        return data_to_yaml(apply_overrides(data, self.overrides, Findings(None, {})))

    @property
    def step_names(self) -> tuple[str, ...]:
        """The names of all steps, those of the file first."""
        return tuple(self._part("steps"))

    def written(self) -> Written:
        """Return what was loaded and what was added, before defaults, overrides and checks."""
        data: dict[str, Tree] = {**self.loaded.data, "name": self.name}
        if self.description is not None:
            data["description"] = self.description
        for key, value in (("schedule", self.schedule), ("notify", self.notify)):
            if value is not None:
                data[key] = dict(value)
        if parameters := self._part("parameters"):
            data["parameters"] = parameters
        return replace(self.loaded, data={**data, "steps": self._part("steps")})

    def _part(self, part: str) -> dict[str, Tree]:
        """Return the steps, or the parameters, as data."""
        loaded = self.loaded.data.get(part)
        return {**(loaded if isinstance(loaded, dict) else {}), **self._added(part)}

    def _added(self, part: str) -> dict[str, Tree]:
        if part == "steps":
            return {name: step_to_data(step) for name, step in self.added_steps.items()}
        return {
            name: parameter.model_dump(mode="json", exclude_unset=True)
            for name, parameter in self.added_parameters.items()
        }


def as_text(value: Scalar) -> str:
    """Return a value as `--set` and `--param` write it."""
    return value if isinstance(value, str) else json.dumps(value)
