"""Kind `register`: a RegisterModel step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.catalog.instances import has_gpu
from orchestrator.catalog.methods import NEVER_MERGED
from orchestrator.compiler import job
from orchestrator.compiler.model_card import model_card_content, trained_by
from orchestrator.compiler.resources import catalogue_image
from orchestrator.compiler.values import METRICS, metrics_file, model_prefix
from orchestrator.definition.expressions import Get
from orchestrator.definition.model import Step
from orchestrator.plan.methods import saves_no_model
from orchestrator.plan.model import StepOutput
from orchestrator.results.registered import (
    ADAPTER,
    BASE_MODEL,
    BESIDE,
    EXECUTION,
    LORA_RANK,
    METHOD,
    STEP,
)
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.register import RegisterSpec

SERVED_AS_LORA = frozenset({"lora", "rslora", "pissa", "olora"})
"""Methods whose adapters are LoRA's own form, which vLLM reads."""
_JSON = "application/json"


def compile_register(context: Context, step: PlannedStep, spec: RegisterSpec) -> Step:
    """Return the RegisterModel step: a model package with its metrics and its card.

    It has no tags: a version takes those of its group (CreateModelPackage, Tags).
    """
    environment = context.environment
    arguments: dict[str, Json] = {
        "ModelPackageGroupName": spec.model_package_group_name,
        "ModelApprovalStatus": spec.approval_status,
        **({"ModelPackageDescription": spec.description} if spec.description else {}),
        "InferenceSpecification": {
            "Containers": [_container(context, step, spec)],
            "SupportedContentTypes": [_JSON],
            "SupportedResponseMIMETypes": [_JSON],
            "SupportedRealtimeInferenceInstanceTypes": list(spec.inference_instance_types),
        },
        **_model_metrics(context, step),
        "ModelCard": {
            "ModelCardContent": model_card_content(context, step, spec.model_card),
            "ModelCardStatus": "Draft",
        },
        **({"SecurityConfig": job.kms_key(environment)} if environment.kms_key_id else {}),
        "CustomerMetadataProperties": {
            "fmo.pipeline": context.plan.name,
            EXECUTION: Get("Execution.PipelineExecutionId"),
            STEP: step.name,
            **_origin(context, step),
        },
    }
    return Step(
        name=step.name,
        type="RegisterModel",
        arguments=arguments,
        description=job.description(spec),
        depends_on=job.explicit_dependencies(context, step),
        retry_policies=job.step_retries(spec),
    )


def _container(context: Context, step: PlannedStep, spec: RegisterSpec) -> Json:
    return {
        **_image(context, step.name, spec),
        "ModelDataSource": {
            "S3DataSource": {
                "S3Uri": model_prefix(context, step.inputs["model"]),
                "S3DataType": "S3Prefix",
                "CompressionType": "None",
            }
        },
    }


def _image(context: Context, step: str, spec: RegisterSpec) -> dict[str, Json]:
    if spec.image_uri is not None:
        return {"Image": spec.image_uri}
    gpu = any(has_gpu(instance_type) for instance_type in spec.inference_instance_types)
    name = catalogue_image(
        context, step, "huggingface-inference-gpu" if gpu else "huggingface-inference-cpu"
    )
    # The Hugging Face inference image serves a model without a script once it knows the task.
    return {"Image": name, "Environment": {"HF_TASK": "text-generation"}}


def _model_metrics(context: Context, step: PlannedStep) -> dict[str, Json]:
    if "metrics" not in step.inputs:
        return {}
    statistics: Json = {
        "ContentType": _JSON,
        "S3Uri": metrics_file(context, step.inputs["metrics"]),
    }
    measured: Json = {"ModelQuality": {"Statistics": statistics}, **_data_quality(context, step)}
    # What monitors compare later measurements with is what was measured now.
    return {"ModelMetrics": measured, "DriftCheckBaselines": measured}


def _data_quality(context: Context, step: PlannedStep) -> dict[str, Json]:
    """The statistics of the rows that the model was trained on, if a `dataset` step made them."""
    trained = trained_by(context, step)
    data = trained.inputs.get("data") if trained else None
    if not isinstance(data, StepOutput):
        return {}
    if not isinstance(context.steps[data.step].spec, DatasetSpec):
        return {}
    uri = metrics_file(context, StepOutput(data.step, METRICS))
    return {"ModelDataQuality": {"Statistics": {"ContentType": _JSON, "S3Uri": uri}}}


def _origin(context: Context, step: PlannedStep) -> dict[str, Json]:
    """How the model was trained and from what, which whoever serves it has to know."""
    trained = trained_by(context, step)
    if trained is None or not isinstance(trained.spec, TrainSpec):
        return {}
    spec = trained.spec
    is_adapter = saves_no_model(spec) and spec.method in SERVED_AS_LORA
    # What cannot be merged is never whole; of the others the name says that they were not.
    beside = saves_no_model(spec) and spec.method not in NEVER_MERGED
    method = ADAPTER if is_adapter else f"{spec.method}{BESIDE}" if beside else spec.method
    base, rank = trained.inputs.get("model"), spec.lora_r
    return {
        METHOD: method,
        **({BASE_MODEL: model_prefix(context, base)} if base else {}),
        **({LORA_RANK: str(rank)} if is_adapter and isinstance(rank, int) else {}),
    }
