"""ClarifyCheck and QualityCheck steps."""

from __future__ import annotations

from recorder.session import BUCKET, ROLE, OfflineSession
from sagemaker.core.clarify import BiasConfig, DataConfig
from sagemaker.core.model_monitor import DatasetFormat
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.clarify_check_step import ClarifyCheckStep, DataBiasCheckConfig
from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep


def steps(session: OfflineSession) -> list[object]:
    config = CheckJobConfig(role=ROLE, sagemaker_session=session)
    bias = ClarifyCheckStep(
        "Bias",
        clarify_check_config=DataBiasCheckConfig(
            data_config=DataConfig(
                s3_data_input_path=f"s3://{BUCKET}/rows.csv",
                s3_output_path=f"s3://{BUCKET}/bias",
                label="approved",
                headers=["approved", "age"],
            ),
            data_bias_config=BiasConfig(label_values_or_threshold=[1], facet_name="age"),
        ),
        check_job_config=config,
        model_package_group_name="support",
    )
    quality = QualityCheckStep(
        "Quality",
        quality_check_config=DataQualityCheckConfig(
            baseline_dataset=f"s3://{BUCKET}/rows.csv",
            dataset_format=DatasetFormat.csv(),
            output_s3_uri=f"s3://{BUCKET}/quality",
        ),
        check_job_config=config,
        skip_check=True,
    )
    return [bias, quality]
