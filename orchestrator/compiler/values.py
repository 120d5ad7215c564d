"""The plan's sources and values as pipeline expressions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, assert_never

from orchestrator.compiler.kind_facts import kind_facts
from orchestrator.compiler.lock import is_commit
from orchestrator.definition.expressions import Get, Join, JsonGet, JsonGetS3
from orchestrator.plan.model import (
    DATA_STEP,
    ApprovedModel,
    HubModel,
    LocalPath,
    ParameterValue,
    S3Uri,
    StepOutput,
)
from orchestrator.plan.registry import APPROVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.compiler.kind_facts import StepType
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import MetricSource, Source
    from orchestrator.spec.fields import Scalar

METRICS = "metrics"
"""The output, the property file and, with `.json`, the file that hold a step's metrics."""
MODEL = "model"
"""The output of a Training step that is all it made; others are folders in it."""
DATA = "data"
PARAMETER_PREFIX = "$params."


def location(context: Context, source: Source) -> Json:
    """Return the S3 URI of `source`, as text or as an expression."""
    match source:
        case StepOutput():
            return step_output(context, source)
        case ParameterValue():
            return Get(f"Parameters.{source.name}")
        case LocalPath():
            return context.data_uris[source.path]
        case S3Uri():
            return source.uri
        case HubModel():
            return hub_uri(context.root, source)
        case ApprovedModel():
            return JsonGet(source.step, APPROVED, "$.model_uri")
        case _ as unhandled:
            assert_never(unhandled)


def step_output(context: Context, source: StepOutput) -> Json:
    """Return the expression for what a step made.

    It reads the step's own result, so that it also resolves when the step came from the cache.
    """
    match _step_type(context, source.step):
        case "Processing":
            outputs = f"Steps.{source.step}.ProcessingOutputConfig.Outputs"
            return Get(f"{outputs}['{source.output}'].S3Output.S3Uri")
        case "Training":
            return _trained(source)
        case "RegisterModel":
            return Get(f"Steps.{source.step}.ModelPackageArn")
        case "Callback":
            return _called_back(source)
        case "Condition":
            msg = f"${source.step}.{source.output}: the plan follows what a gate passes on"
            raise ValueError(msg)
        case _ as unhandled:
            assert_never(unhandled)


def converted_rows(step: str) -> Json:
    """Return the expression for the folder that the data step of `step` made."""
    outputs = f"Steps.{step}{DATA_STEP}.ProcessingOutputConfig.Outputs"
    return Get(f"{outputs}['{DATA}'].S3Output.S3Uri")


def model_prefix(context: Context, source: Source) -> Json:
    """Return the S3 URI of a model with the slash at its end that `S3Prefix` asks for."""
    if isinstance(source, StepOutput) and _step_type(context, source.step) == "Training":
        return concatenated(_model_folder(source.step))
    if isinstance(source, ApprovedModel):  # `find_approved.py` ends it with the slash.
        return location(context, source)
    uri = location(context, source)
    return f"{uri.rstrip('/')}/" if isinstance(uri, str) else concatenated([uri, "/"])


def hub_uri(root: str, model: HubModel) -> str:
    """Return where below `root` a model of the hub is mirrored."""
    return f"{root}/hub/{model.model_id}/{model.revision}/"


def metric(context: Context, source: MetricSource) -> Json:
    """Return the expression for one number of a step's `metrics.json`."""
    path = _quoted(source.metric)
    match _step_type(context, source.step):
        case "Processing":
            return JsonGet(source.step, METRICS, path)
        case "Training":
            return JsonGetS3(concatenated([*_model_folder(source.step), "metrics.json"]), path)
        case "RegisterModel" | "Condition" | "Callback":
            msg = f"${source.step}.metrics.{source.metric}: the plan lets no such step have metrics"
            raise ValueError(msg)
        case _ as unhandled:
            assert_never(unhandled)


def metrics_file(context: Context, source: Source) -> Json:
    """Return the S3 URI of the `metrics.json` that `source`, a step's output `metrics`, holds."""
    if isinstance(source, StepOutput) and _step_type(context, source.step) == "Training":
        return location(context, source)
    return concatenated([location(context, source), "/metrics.json"])


def concatenated(pieces: Sequence[Json]) -> Json:
    """Return texts and expressions one after another, as one text."""
    merged: list[Json] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, str) and isinstance(last, str):
            merged[-1] = last + piece
        else:
            merged.append(piece)
    only_text = len(merged) == 1 and isinstance(merged[0], str)
    return merged[0] if only_text else Join("", merged)


def argument(name: str, value: Json) -> Json:
    """Return the container argument `--name=value`."""
    if isinstance(value, dict):
        return Join("=", [f"--{name}", value])
    return f"--{name}={text(value)}"


def text(value: Json) -> str:
    """Return a literal as a job reads it: JSON, save that text stands without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def field_value(value: Scalar) -> Json:
    """Return what a request field gets: the value, or the parameter that `$params.X` names."""
    if isinstance(value, str) and value.startswith(PARAMETER_PREFIX):
        return Get(f"Parameters.{value.removeprefix(PARAMETER_PREFIX)}")
    return value


def execution_prefix(context: Context, step: str, *rest: str) -> Json:
    """Return a prefix of this step in this execution: nothing is ever written there twice."""
    root = f"{context.root}/executions/{context.plan.name}"
    return Join("/", [root, Get("Execution.PipelineExecutionId"), "/".join((step, *rest))])


def is_mutable(source: Source) -> bool:
    """Return whether other bytes may lie behind `source` tomorrow, under the same name."""
    match source:
        case S3Uri() | ParameterValue() | ApprovedModel():
            return True
        case HubModel():
            return not is_commit(source.revision)
        case StepOutput() | LocalPath():
            return False
        case _ as unhandled:
            assert_never(unhandled)


def _step_type(context: Context, step: str) -> StepType:
    return kind_facts(context.steps[step].spec).step_type


def _trained(source: StepOutput) -> Json:
    if source.output == METRICS:
        return concatenated([*_model_folder(source.step), "metrics.json"])
    if source.output == MODEL:
        return Get(f"Steps.{source.step}.ModelArtifacts.S3ModelArtifacts")
    return concatenated([*_model_folder(source.step), f"{source.output}/"])


def _called_back(source: StepOutput) -> Json:
    if source.output == DATA:
        return converted_rows(source.step)
    return Get(f"Steps.{source.step}.OutputParameters['{source.output}']")


def _model_folder(step: str) -> list[Json]:
    # Not S3ModelArtifacts: whether it ends with a slash for an uncompressed model is not
    # documented, and a doubled or missing slash would name another key.
    return [
        Get(f"Steps.{step}.OutputDataConfig.S3OutputPath"),
        "/",
        Get(f"Steps.{step}.TrainingJobName"),
        "/output/model/",
    ]


def _quoted(name: str) -> str:
    """A flat key as JSONPath; dots and slashes in it are part of the name."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"$['{escaped}']"
