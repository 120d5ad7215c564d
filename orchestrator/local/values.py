"""What an execution knows: the values behind `Get`, property files and JSON objects in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.json import parse
from orchestrator.definition.paths import follow, format_path
from orchestrator.errors import DefinitionError, FmoError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orchestrator.definition.graph import Graph
    from orchestrator.definition.json import Json
    from orchestrator.definition.paths import Path
    from orchestrator.local.clock import Clock
    from orchestrator.local.store import Store

ACCOUNT = "000000000000"
REGION = "local"


class Values:
    """A `definition.expressions.Resolver` over one execution."""

    def __init__(
        self,
        variables: Mapping[str, Json],
        parameters: Mapping[str, Json],
        graph: Graph,
        store: Store,
        clock: Clock,
    ) -> None:
        self._variables = variables
        self._parameters = parameters
        self._graph = graph
        self._store = store
        self._clock = clock
        self.properties: dict[str, Json] = {}
        """What `Steps.NAME...` reads, by step."""

    def get(self, path: Path) -> Json:
        """Return the value of `Parameters.X`, `Steps.NAME...` or `Execution.X`."""
        match path:
            case ("Parameters", *rest):
                return follow(self._parameters, tuple(rest))
            case ("Steps", str(name), *rest):
                return follow(self._step(name), tuple(rest))
            case ("Execution", "CurrentDateTime"):
                return timestamp(self._clock.now())
            case ("Execution", *rest):
                return follow(self._variables, tuple(rest))
        text = format_path(path)
        raise DefinitionError(Problem(f"path {text!r}", "there is nothing of this name here"))

    def property_file(self, step: str, name: str) -> Json:
        """Return the JSON document of the property file `name` of `step`."""
        files = {file.name: file for file in self._graph[step].step.property_files}
        if name not in files:
            where = f"steps.{step}"
            raise DefinitionError(Problem(where, f"it declares no property file {name!r}"))
        output = ("ProcessingOutputConfig", "Outputs", files[name].output_name)
        uri = follow(self._step(step), (*output, "S3Output", "S3Uri"))
        return self.s3_document(f"{str(uri).rstrip('/')}/{files[name].path}")

    def s3_document(self, uri: str) -> Json:
        """Return the JSON document at `uri`."""
        try:
            return parse(self._store.get(uri))
        except FmoError as error:
            raise DefinitionError(Problem(f"Std:JsonGet {uri}", str(error).rstrip("."))) from error

    def _step(self, name: str) -> Json:
        if name not in self.properties:
            raise DefinitionError(Problem(f"Steps.{name}", "this step has no result"))
        return self.properties[name]


def execution_variables(
    execution_id: str, pipeline_name: str, started_at: datetime
) -> dict[str, Json]:
    """Return what `Execution.X` reads, save the current time."""
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{pipeline_name}"
    return {
        "StartDateTime": timestamp(started_at),
        "PipelineName": pipeline_name,
        "PipelineArn": arn,
        "PipelineExecutionId": execution_id,
        "PipelineExecutionArn": f"{arn}/execution/{execution_id}",
    }


def timestamp(moment: datetime) -> str:
    """Return `moment` as SageMaker writes times in expressions: ISO 8601, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
