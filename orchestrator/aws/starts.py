"""Starting a pipeline: what would run, with which parameters, and running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.aws.deploy import find_pipeline
from orchestrator.definition.model import walk
from orchestrator.definition.parameter_values import parameter_values
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import NotFoundError

if TYPE_CHECKING:
    from orchestrator.aws.clients import Aws
    from orchestrator.definition.json import Json


@dataclass(frozen=True)
class Start:
    """An execution that has yet to be started."""

    pipeline_name: str
    definition: bytes
    """As it is deployed."""
    parameters: Mapping[str, str]
    """Values that win over the defaults, as the service takes them."""

    @property
    def instances(self) -> Mapping[str, str]:
        """What costs money: step to its instances, such as `2 x ml.g5.2xlarge`."""
        steps = [found.step for found in walk(parse_definition(self.definition).steps)]
        return {step.name: text for step in steps if (text := instances_of(step.arguments))}


def plan_start(pipeline_name: str, parameters: Mapping[str, str], aws: Aws) -> Start:
    """Return what would run; nothing is started.

    Raises:
        NotFoundError: If the pipeline is not deployed.
        InputError: If it has no such parameter, or one of another type.
    """
    deployed = find_pipeline(pipeline_name, aws)
    if deployed is None:
        what = f"it is not deployed in {aws.region}"
        msg = f"pipeline '{pipeline_name}': {what}. Run `fmo deploy FILE --env NAME`."
        raise NotFoundError(msg)
    data = deployed["PipelineDefinition"].encode()
    typed = parameter_values(parse_definition(data).parameters, parameters)
    return Start(pipeline_name, data, {name: _text(typed[name]) for name in parameters})


def start(planned: Start, aws: Aws, *, display_name: str | None = None) -> str:
    """Start the pipeline and return the execution's ARN.

    Args:
        planned: What runs.
        aws: Where it is deployed.
        display_name: What the console shows.
    """
    given = [{"Name": name, "Value": value} for name, value in planned.parameters.items()]
    name = {"PipelineExecutionDisplayName": display_name} if display_name else {}
    # botocore makes the ClientRequestToken, and sends the same one when it repeats the call.
    answer = aws.call(
        "sagemaker", "StartPipelineExecution",
        PipelineName=planned.pipeline_name, PipelineParameters=given, **name,
    )  # fmt: skip
    return str(answer["PipelineExecutionArn"])


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def instances_of(arguments: Mapping[str, Json]) -> str:
    """Return the instances of a job, such as `2 x ml.g5.2xlarge`; empty if it has none."""
    resources = arguments.get("ResourceConfig") or arguments.get("ProcessingResources")
    if isinstance(resources, Mapping) and isinstance(resources.get("ClusterConfig"), Mapping):
        resources = resources["ClusterConfig"]
    if not isinstance(resources, Mapping):
        return ""
    preferred = resources.get("InstancePreferences")
    if isinstance(preferred, list | tuple):
        return " or ".join(_instances(one) for one in preferred if isinstance(one, Mapping))
    return _instances(resources)


def _instances(resources: Mapping[str, Json]) -> str:
    return f"{_word(resources.get('InstanceCount'))} x {_word(resources.get('InstanceType'))}"


def _word(value: Json) -> str:
    """Return a value, or the expression that gives it."""
    return str(value.get("Get")) if isinstance(value, Mapping) else str(value)
