"""Our definition as objects of the SageMaker SDK, which this imports: load it where it is used."""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sagemaker.core.workflow.parameters import (
    Parameter,
    ParameterFloat,
    ParameterInteger,
    ParameterString,
    ParameterTypeEnum,
)
from sagemaker.core.workflow.properties import Properties
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import Step, StepTypeEnum

from orchestrator.definition import model
from orchestrator.definition.json import dumps, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.definition.json import Json

SHAPES = {
    "Processing": "DescribeProcessingJobResponse",
    "Training": "DescribeTrainingJobResponse",
    "Transform": "DescribeTransformJobResponse",
}
"""Step type to what `step.properties` has members of, as the SDK's own steps (`steps.py`)."""
ORDER = ("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps")
"""Of the members of a definition, as `model` writes them; others follow."""


class GivenStep(Step):  # type: ignore[misc]  # the SDK's classes have no types here
    """A step whose request is given. A Condition step holds its branches in it."""

    def __init__(self, step: model.Step) -> None:
        super().__init__(step.name, step.display_name, step.description, StepTypeEnum(step.type))
        self._request: Any = model.to_json(step)

    @property
    def arguments(self) -> Any:
        """The request of the service behind the step."""
        return deepcopy(self._request["Arguments"])

    @cached_property
    def properties(self) -> Any:
        """What the step makes, for steps of the SDK to refer to.

        Raises:
            NotImplementedError: For step types without a job.
        """
        kind = self._request["Type"]
        if kind not in SHAPES:
            msg = f"steps.{self.name}: a {kind} step has no properties here. Only jobs have."
            raise NotImplementedError(msg)
        return Properties(step_name=self.name, step=self, shape_name=SHAPES[kind])

    def to_request(self) -> Any:
        """Return the step as it stands in the definition, and what it was told to wait for."""
        request = deepcopy(self._request)
        names = [*request.get("DependsOn", []), *(self.depends_on or [])]
        return {**request, "DependsOn": names} if names else request


class GivenPipeline(Pipeline):  # type: ignore[misc]
    """A pipeline whose definition is ours, with whatever steps were added since."""

    def __init__(self, definition: model.Definition, name: str, session: Any) -> None:
        super().__init__(
            name=name,
            parameters=[parameter_of(one) for one in definition.parameters],
            steps=[GivenStep(step) for step in definition.steps],
            pipeline_experiment_config=None,
            sagemaker_session=session,
        )
        written = model.to_json(definition)
        self._written = {name: written[name] for name in written if name != "Steps"}

    def definition(self) -> str:
        """Return our JSON: members that the SDK writes empty are left out unless we had them."""
        told: Any = parse(super().definition().encode())
        changed = {"Parameters": told["Parameters"], "Steps": told["Steps"]}
        if told["MlflowConfig"] is not None:
            changed["MlflowConfig"] = told["MlflowConfig"]
        return dumps(_in_order({**self._written, **changed})).decode()


def pipeline_of(definition: model.Definition, name: str, session: Any) -> GivenPipeline:
    """Return `definition` as a pipeline of the SDK."""
    return GivenPipeline(definition, name, session)


def parameter_of(parameter: model.Parameter) -> Any:
    """Return a parameter as the SDK's object of its type."""
    name, default = parameter.name, parameter.default
    match parameter.type:
        case "String":
            return ParameterString(name, default, list(parameter.enum) or None)
        case "Integer":
            return ParameterInteger(name, default)
        case "Float":
            # The SDK refuses a whole number here.
            return ParameterFloat(name, float(default) if isinstance(default, int) else default)
        case "Boolean":
            return Parameter(name, ParameterTypeEnum.BOOLEAN, default)


def _in_order(members: Mapping[str, Json]) -> dict[str, Json]:
    return {name: members[name] for name in (*ORDER, *members) if name in members}
