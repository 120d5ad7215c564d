"""Kinds `bedrock` and `bedrock_import`: Callback steps that the bridge carries to Bedrock.

A `bedrock` step has a Processing step before it, `STEP-data`, whose job converts the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.catalog.bedrock_models import find_model
from orchestrator.compiler import job
from orchestrator.compiler.processing_job import processing_step
from orchestrator.compiler.values import (
    DATA,
    concatenated,
    execution_prefix,
    location,
    model_prefix,
    text,
)
from orchestrator.definition.model import Step
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.model import DATA_STEP, StepOutput
from orchestrator.spec.bedrock import BedrockSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.bedrock import BedrockImportSpec
    from orchestrator.spec.fields import StepModel

CUSTOMIZATION_OUTPUTS = (
    *("job_arn", "job_name", "model_arn", "model_name", "output_uri"),
    *("training_loss", "validation_loss"),
)
IMPORT_OUTPUTS = ("job_arn", "job_name", "model_arn", "model_name")
"""Output parameters of the bridge's services, docs/bridge.md."""

# botocore 1.44.5, bedrock: RFTHyperParameters are numbers, all other hyperparameters texts.
_REINFORCEMENT = "reinforcement_fine_tuning"


def data_settings(spec: StepModel) -> Mapping[str, Json]:
    """Return the bounds that the conversion of a `bedrock` step's rows holds them to."""
    if not isinstance(spec, BedrockSpec):
        return {}
    model = find_model(spec.base_model_identifier)
    if model is None:
        return {"formats": ["prompt-completion", "bedrock-conversation-2024"], "limits": {}}
    return {"formats": list(model.formats), "limits": dict(model.limits)}


def compile_bedrock_data(context: Context, step: PlannedStep, spec: BedrockSpec) -> Step:
    """Return the Processing step that converts and checks the rows."""
    converting = processing_step(context, step, spec, outputs=(DATA, "metrics"))
    return replace(converting, name=f"{step.name}{DATA_STEP}")


def compile_bedrock(context: Context, step: PlannedStep, spec: BedrockSpec) -> Step:
    """Return the Callback step whose job customizes the model.

    Raises:
        SpecError: If the environment names no queue of the bridge.
    """
    environment = context.environment
    rows = location(context, StepOutput(step.name, DATA))
    request: dict[str, Json] = {
        "roleArn": spec.role_arn or environment.bedrock_role_arn or environment.role_arn,
        "baseModelIdentifier": spec.base_model_identifier,
        "customizationType": spec.customization_type.upper(),
        "trainingDataConfig": {"s3Uri": concatenated([rows, "/train.jsonl"])},
        "outputDataConfig": {"s3Uri": execution_prefix(context, step.name, "customized")},
        **_hyper_parameters(spec),
        **_customization_config(spec),
        **_network(context),
    }
    if spec.validation_data is not None:
        validation = concatenated([rows, "/validation.jsonl"])
        request["validationDataConfig"] = {"validators": [{"s3Uri": validation}]}
    if spec.custom_model_name is not None:
        request["customModelName"] = spec.custom_model_name
    if environment.kms_key_id is not None:
        request["customModelKmsKeyId"] = environment.kms_key_id
    return _callback(context, step, spec, "bedrock", request, CUSTOMIZATION_OUTPUTS)


def compile_bedrock_import(context: Context, step: PlannedStep, spec: BedrockImportSpec) -> Step:
    """Return the Callback step whose job imports the model.

    Raises:
        SpecError: If the environment names no queue of the bridge.
    """
    environment = context.environment
    weights = model_prefix(context, step.inputs["model"])
    request: dict[str, Json] = {
        "roleArn": spec.role_arn or environment.bedrock_role_arn or environment.role_arn,
        "modelDataSource": {"s3DataSource": {"s3Uri": weights}},
        **_network(context),
    }
    if spec.imported_model_name is not None:
        request["importedModelName"] = spec.imported_model_name
    if environment.kms_key_id is not None:
        request["importedModelKmsKeyId"] = environment.kms_key_id
    return _callback(context, step, spec, "bedrock_import", request, IMPORT_OUTPUTS)


def _callback(
    context: Context,
    step: PlannedStep,
    spec: StepModel,
    service: str,
    request: Mapping[str, Json],
    outputs: Sequence[str],
) -> Step:
    queue = context.environment.callback_queue_url
    if queue is None:
        name = context.environment.name
        what = f"kind {step.spec.kind!r} needs the bridge, and environment {name!r} names no queue"
        fix = "Run `fmo infra deploy`, or write its `callback_queue_url` into fmo.yaml."
        raise SpecError(Problem(f"steps.{step.name}.kind", what, fix))
    return Step(
        name=step.name,
        type="Callback",
        arguments={"service": service, "request": request},
        description=job.description(spec),
        depends_on=job.explicit_dependencies(context, step),
        extra={
            "SqsQueueUrl": queue,
            "OutputParameters": [
                {"OutputName": name, "OutputType": "String"} for name in sorted(outputs)
            ],
        },
    )


def _hyper_parameters(spec: BedrockSpec) -> dict[str, Json]:
    if not spec.hyper_parameters or spec.customization_type == _REINFORCEMENT:
        return {}
    given = spec.hyper_parameters
    return {"hyperParameters": {name: text(given[name]) for name in sorted(given)}}


def _customization_config(spec: BedrockSpec) -> dict[str, Json]:
    if spec.customization_type == "distillation":
        teacher: dict[str, Json] = {"teacherModelIdentifier": spec.teacher_model_identifier}
        if spec.max_response_length_for_inference is not None:
            teacher["maxResponseLengthForInference"] = spec.max_response_length_for_inference
        return {"customizationConfig": {"distillationConfig": {"teacherModelConfig": teacher}}}
    if spec.customization_type == _REINFORCEMENT:
        grader: Json = {"lambdaGrader": {"lambdaArn": spec.lambda_arn}}
        config: dict[str, Json] = {"graderConfig": grader}
        if spec.hyper_parameters:
            given = spec.hyper_parameters
            config["hyperParameters"] = {name: given[name] for name in sorted(given)}
        return {"customizationConfig": {"rftConfig": config}}
    return {}


def _network(context: Context) -> dict[str, Json]:
    environment = context.environment
    if not environment.subnets:
        return {}
    members: Json = {
        "securityGroupIds": list(environment.security_group_ids),
        "subnetIds": list(environment.subnets),
    }
    return {"vpcConfig": members}
