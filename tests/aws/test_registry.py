"""The model registry of an account: what is listed, found, approved and put to use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.registry import find_model, list_models, set_approval
from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.environment import Environment
from orchestrator.compiler.serving import endpoint_recipe, transform_recipe
from orchestrator.compiler.serving_container import Hosting
from orchestrator.definition.requests import RequestChecker
from orchestrator.errors import AccessDeniedError, InputError
from tests.aws.account import BUCKET, REGION, ROLE
from training_scripts.container import Job, JobFailure
from training_scripts.find_approved import find

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

    from orchestrator.aws.clients import Aws
    from tests.aws.faults import Faults

GROUP = "support-assistant"
ENVIRONMENT = Environment(name="dev", bucket=BUCKET, role_arn=ROLE, region=REGION)


def package(version: int, status: str = "PendingManualApproval", **more: Any) -> dict[str, Any]:
    """Return a CreateModelPackage request as `register` compiles to."""
    source = {
        "S3Uri": f"s3://{BUCKET}/models/{version}/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
    }
    statistics = {
        "ContentType": "application/json",
        "S3Uri": f"s3://{BUCKET}/metrics/{version}/metrics.json",
    }
    return {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": status,
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": "1.dkr.ecr.eu-central-1.amazonaws.com/x:1",
                    "ModelDataSource": {"S3DataSource": source},
                }
            ],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.g4dn.xlarge"],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
        "CustomerMetadataProperties": {"fmo.execution": "abc123", "fmo.step": "publish"},
        **more,
    }


@pytest.fixture
def registry(session: boto3.Session, aws: Aws) -> Aws:
    """An account with three versions, of which the second is approved."""
    client = session.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName=GROUP)
    for version, status in enumerate(("Approved", "Approved", "PendingManualApproval"), start=1):
        client.create_model_package(**package(version, status))
    s3 = session.client("s3")
    s3.put_object(Bucket=BUCKET, Key="metrics/2/metrics.json", Body=b'{"accuracy": 0.75, "x": "y"}')
    return aws


def test_versions_are_listed_and_one_is_shown_with_its_metrics(registry: Aws) -> None:
    assert [model.name for model in list_models(registry)] == [
        f"{GROUP}/3", f"{GROUP}/2", f"{GROUP}/1",
    ]  # fmt: skip
    assert find_model(GROUP, registry).version == 3
    second = find_model(f"{GROUP}/2", registry)
    assert (second.approval_status, second.metrics) == ("Approved", {"accuracy": 0.75})
    assert (second.execution_id, second.step) == ("abc123", "publish")
    assert second.artifacts == (f"s3://{BUCKET}/models/2/",)


def test_a_version_that_is_not_there_is_told_with_those_that_are(registry: Aws) -> None:
    with pytest.raises(InputError) as caught:
        find_model(f"{GROUP}/7", registry)
    assert f"There are: {GROUP}/3, {GROUP}/2, {GROUP}/1." in str(caught.value)
    with pytest.raises(InputError, match="`fmo models --env NAME` lists them"):
        find_model("support", registry)


def test_an_approval_is_kept_with_its_reason(registry: Aws) -> None:
    set_approval(find_model(GROUP, registry), "Approved", "read by two people", registry)
    assert find_model(GROUP, registry).approval_status == "Approved"
    set_approval(find_model(GROUP, registry), "Rejected", None, registry)
    assert find_model(GROUP, registry).approval_status == "Rejected"


def test_a_role_that_may_not_approve_is_told_the_permission(registry: Aws, faults: Faults) -> None:
    model = find_model(GROUP, registry)
    faults.set("denied", 1)
    with pytest.raises(AccessDeniedError, match="sagemaker:UpdateModelPackage"):
        set_approval(model, "Approved", None, registry)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    output = {"OutputName": "approved", "S3Output": {"S3Uri": f"s3://{BUCKET}/out/approved"}}
    config = {"ProcessingOutputConfig": {"Outputs": [output]}}
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    settings = {"model_package_group_name": GROUP, "required": False}
    return Job("approved", "approved-support", settings, tmp_path, "Processing")


def record(job: Job) -> dict[str, Any]:
    path = job.root / "processing" / "output" / "approved" / "approved.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_job_finds_the_newest_approved_version(
    registry: Aws, session: boto3.Session, job: Job
) -> None:
    find(job, lambda: session.client("sagemaker"))
    found = record(job)
    assert (found["found"], found["name"], found["version"]) == (True, f"{GROUP}/2", 2)
    assert found["model_uri"] == f"s3://{BUCKET}/models/2/"
    set_approval(find_model(f"{GROUP}/2", registry), "Rejected", "unsafe", registry)
    find(job, lambda: session.client("sagemaker"))
    assert record(job)["name"] == f"{GROUP}/1"


def test_before_the_first_version_a_job_finds_none_and_says_so(
    session: boto3.Session, job: Job
) -> None:
    find(job, lambda: session.client("sagemaker"))
    assert record(job) == {
        "found": False, "name": GROUP, "model_uri": f"s3://{BUCKET}/out/approved/",
    }  # fmt: skip
    job.settings["required"] = True
    with pytest.raises(JobFailure, match=f"fmo models approve {GROUP}/VERSION"):
        find(job, lambda: session.client("sagemaker"))


def test_weights_in_an_archive_are_refused(session: boto3.Session, job: Job) -> None:
    client = session.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName=GROUP)
    request = package(1, "Approved")
    container = request["InferenceSpecification"]["Containers"][0]
    del container["ModelDataSource"]
    container["ModelDataUrl"] = f"s3://{BUCKET}/model.tar.gz"
    client.create_model_package(**request)
    with pytest.raises(JobFailure, match=r"its weights are no folder .*model\.tar\.gz"):
        find(job, lambda: client)


def send(requests: dict[str, Any], session: boto3.Session) -> None:
    """Check each request against the service's shapes, then send it."""
    checker = RequestChecker(load_shapes(), "sagemaker")
    client = session.client("sagemaker")
    for operation, request in requests.items():
        assert list(checker.value(request, f"{operation}Input", operation)) == []
        method = {
            "CreateModel": client.create_model,
            "CreateEndpointConfig": client.create_endpoint_config,
            "CreateEndpoint": client.create_endpoint,
            "CreateTransformJob": client.create_transform_job,
        }[operation]
        method(**request)


def registered(aws: Aws, session: boto3.Session, **properties: str) -> Any:
    session.client("sagemaker").create_model_package(
        **package(4, CustomerMetadataProperties=properties)
    )
    return find_model(GROUP, aws)


def test_whole_weights_are_served_by_vllm(registry: Aws, session: boto3.Session) -> None:
    recipe = endpoint_recipe(find_model(f"{GROUP}/2", registry), ENVIRONMENT, Hosting())
    send(dict(recipe.requests), session)
    model: Any = recipe.requests["CreateModel"]
    container = model["PrimaryContainer"]
    assert container["Image"].endswith("eu-central-1.amazonaws.com/vllm:server-sagemaker-cuda-v2")
    assert container["ModelDataSource"]["S3DataSource"]["S3Uri"] == f"s3://{BUCKET}/models/2/"
    assert container["Environment"]["SM_VLLM_MODEL"] == "/opt/ml/model"
    config: Any = recipe.requests["CreateEndpointConfig"]
    (variant,) = config["ProductionVariants"]
    assert variant["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-gpu-3-1"
    described = session.client("sagemaker").describe_endpoint(EndpointName=GROUP)
    assert described["EndpointConfigName"] == f"{GROUP}-2"


def test_an_adapter_is_served_over_its_base(registry: Aws, session: boto3.Session) -> None:
    properties = {"fmo.method": "lora-adapter", "fmo.lora_rank": "24"}
    model = registered(registry, session, **properties)
    with pytest.raises(InputError, match="Write --base-model s3://BUCKET/FOLDER/"):
        endpoint_recipe(model, ENVIRONMENT, Hosting())
    hosting = Hosting(base_model="s3://acme-dev/base")
    recipe = endpoint_recipe(model, ENVIRONMENT, hosting)
    send(dict(recipe.requests), session)
    request: Any = recipe.requests["CreateModel"]
    container = request["PrimaryContainer"]
    assert container["ModelDataSource"]["S3DataSource"]["S3Uri"] == "s3://acme-dev/base/"
    (adapter,) = container["AdditionalModelDataSources"]
    assert adapter["S3DataSource"]["S3Uri"] == f"s3://{BUCKET}/models/4/"
    assert container["Environment"]["SM_VLLM_MAX_LORA_RANK"] == "32"
    modules = json.loads(container["Environment"]["SM_VLLM_LORA_MODULES"])
    assert modules["path"] == f"/opt/ml/additional-model-data-sources/{adapter['ChannelName']}"


def test_what_vllm_cannot_read_is_served_by_the_handler(
    registry: Aws, session: boto3.Session
) -> None:
    model = registered(registry, session, **{"fmo.method": "loreft"})
    with pytest.raises(InputError, match="vLLM cannot read a model tuned by loreft"):
        endpoint_recipe(model, ENVIRONMENT, Hosting(engine="vllm"))
    recipe = endpoint_recipe(model, ENVIRONMENT, Hosting(base_model="s3://acme-dev/base"))
    send(dict(recipe.requests), session)
    assert recipe.engine == "handler"
    assert recipe.code is not None
    assert "inference.py" in recipe.code.files
    assert "training_scripts/serving/answering.py" in recipe.code.files
    assert not any("training/loop" in path for path in recipe.code.files)
    request: Any = recipe.requests["CreateModel"]
    base, code = request["PrimaryContainer"]["AdditionalModelDataSources"]
    assert base["S3DataSource"]["S3Uri"] == "s3://acme-dev/base/"
    assert code["S3DataSource"]["S3Uri"] == recipe.code.uri


def test_without_a_gpu_the_handler_answers_a_batch(registry: Aws, session: boto3.Session) -> None:
    model = find_model(f"{GROUP}/2", registry)
    with pytest.raises(InputError, match=r"vLLM needs a GPU, and ml\.m5\.xlarge has none"):
        endpoint_recipe(model, ENVIRONMENT, Hosting("ml.m5.xlarge", "vllm"))
    places = (f"s3://{BUCKET}/questions/", f"s3://{BUCKET}/answers/")
    recipe = transform_recipe(model, ENVIRONMENT, Hosting("ml.m5.xlarge"), places)
    send(dict(recipe.requests), session)
    transform: Any = recipe.requests["CreateTransformJob"]
    assert transform["TransformInput"]["SplitType"] == "Line"
    assert transform["TransformOutput"]["S3OutputPath"] == places[1]
    request: Any = recipe.requests["CreateModel"]
    assert "-cpu-" in request["PrimaryContainer"]["Image"]
