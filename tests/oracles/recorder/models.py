"""Steps that make models, packages and endpoints."""

from __future__ import annotations

from recorder.session import BUCKET, IMAGE, ROLE, OfflineSession
from sagemaker.mlops.workflow.endpoint_step import EndpointConfigStep, EndpointStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.serve.model_builder import ModelBuilder


def steps(session: OfflineSession) -> list[object]:
    builder = ModelBuilder(
        image_uri=IMAGE,
        s3_model_data_url=f"s3://{BUCKET}/models/model.tar.gz",
        role_arn=ROLE,
        sagemaker_session=session,
    )
    create = ModelStep("Create", step_args=builder.build())
    register = ModelStep(
        "Register",
        step_args=builder.register(
            model_package_group_name="support",
            content_types=["application/json"],
            response_types=["application/json"],
            inference_instances=["ml.g5.xlarge"],
            transform_instances=["ml.m5.xlarge"],
            approval_status="PendingManualApproval",
            customer_metadata_properties={"team": "support"},
        ),
    )
    config = EndpointConfigStep(
        "Config",
        step_args=session.create_endpoint_config(
            name="support",
            production_variants=[
                {
                    "VariantName": "all",
                    "ModelName": create.properties.ModelName,
                    "InitialInstanceCount": 1,
                    "InstanceType": "ml.g5.xlarge",
                }
            ],
        ),
    )
    endpoint = EndpointStep(
        "Serve",
        step_args=session.create_endpoint(
            endpoint_name="support", config_name=config.properties.EndpointConfigName
        ),
    )
    return [create, register, config, endpoint]
