"""Steps that start jobs, as the SDK writes them."""

from __future__ import annotations

from pathlib import Path

from recorder.session import BUCKET, IMAGE, ROLE, OfflineSession
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import (
    CacheConfig,
    ProcessingStep,
    TrainingStep,
    TransformStep,
    TuningStep,
)
from sagemaker.train.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    OutputDataConfig,
    SourceCode,
    StoppingCondition,
)
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

INSTANCE = ParameterString("InstanceType", default_value="ml.m5.xlarge")
EPOCHS = ParameterInteger("Epochs", default_value=3)
LIMIT = ParameterString("Limit", default_value="all", enum_values=["all", "few"])
PARAMETERS = [INSTANCE, EPOCHS, LIMIT]


def processing(session: OfflineSession, folder: str) -> ProcessingStep:
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_count=1,
        instance_type=INSTANCE,
        sagemaker_session=session,
    )
    inputs = [
        ProcessingInput(
            input_name="raw",
            s3_input=ProcessingS3Input(
                s3_uri=f"s3://{BUCKET}/raw",
                local_path="/opt/ml/processing/input/raw",
                s3_data_type="S3Prefix",
                s3_input_mode="File",
            ),
        )
    ]
    outputs = [
        ProcessingOutput(
            output_name=name,
            s3_output=ProcessingS3Output(
                s3_uri=f"s3://{BUCKET}/{name}",
                local_path=f"/opt/ml/processing/output/{name}",
                s3_upload_mode="EndOfJob",
            ),
        )
        for name in ("data", "metrics")
    ]
    script = Path(folder, "prepare.py")
    script.write_text("print('hello')\n", encoding="utf-8")
    arguments = processor.run(
        code=str(script),
        inputs=inputs,
        outputs=outputs,
        arguments=["--epochs", Join("", [EPOCHS]), "--limit", LIMIT],
    )
    return ProcessingStep(
        "Prepare",
        step_args=arguments,
        property_files=[PropertyFile("Metrics", "metrics", "metrics.json")],
        cache_config=CacheConfig(enable_caching=True, expire_after="P30D"),
        retry_policies=[
            StepRetryPolicy([StepExceptionTypeEnum.THROTTLING], max_attempts=3),
            SageMakerJobStepRetryPolicy(
                [SageMakerJobExceptionTypeEnum.CAPACITY_ERROR], expire_after_mins=60
            ),
        ],
    )


def trainer(session: OfflineSession, folder: str) -> ModelTrainer:
    Path(folder, "train.py").write_text("print('hello')\n", encoding="utf-8")
    return ModelTrainer(
        training_image=IMAGE,
        source_code=SourceCode(source_dir=folder, entry_script="train.py"),
        compute=Compute(
            instance_type="ml.g5.2xlarge", instance_count=1, enable_managed_spot_training=True
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=3600, max_wait_time_in_seconds=7200
        ),
        checkpoint_config=CheckpointConfig(s3_uri=f"s3://{BUCKET}/checkpoints"),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
        hyperparameters={"epochs": 3, "learning_rate": 2e-5},
        role=ROLE,
        sagemaker_session=session,
        base_job_name="train",
    )


def training(session: OfflineSession, prepare: ProcessingStep, folder: str) -> TrainingStep:
    data = prepare.properties.ProcessingOutputConfig.Outputs["data"].S3Output.S3Uri
    arguments = trainer(session, folder).train(
        input_data_config=[InputData(channel_name="train", data_source=data)]
    )
    return TrainingStep(
        "Train",
        step_args=arguments,
        cache_config=CacheConfig(enable_caching=True, expire_after="P7D"),
    )


def tuning(session: OfflineSession, folder: str) -> TuningStep:
    tuner = HyperparameterTuner(
        model_trainer=trainer(session, folder),
        objective_metric_name="loss",
        objective_type="Minimize",
        hyperparameter_ranges={"learning_rate": ContinuousParameter(1e-6, 1e-4)},
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        max_jobs=4,
        max_parallel_jobs=2,
    )
    arguments = tuner.tune(
        inputs=[InputData(channel_name="train", data_source=f"s3://{BUCKET}/train")]
    )
    return TuningStep("Tune", step_args=arguments)


def transform(session: OfflineSession) -> TransformStep:
    transformer = Transformer(
        model_name="support-model",
        instance_count=1,
        instance_type="ml.m5.xlarge",
        output_path=f"s3://{BUCKET}/transformed",
        base_transform_job_name="batch",
        sagemaker_session=session,
    )
    arguments = transformer.transform(data=f"s3://{BUCKET}/rows", content_type="application/json")
    return TransformStep("Batch", step_args=arguments)
