"""What `image_uris.retrieve` answers for each of the catalogue's images, in every region."""

from __future__ import annotations

import boto3
from sagemaker.core import image_uris

CPU, GPU = "ml.m5.xlarge", "ml.g5.xlarge"
HF_TRAINING = {
    "framework": "huggingface",
    "version": "5.3.0",
    "base_framework_version": "pytorch2.9.0",
    "py_version": "py312",
    "image_scope": "training",
}
HF_INFERENCE = {
    "framework": "huggingface",
    "version": "5.5.3",
    "base_framework_version": "pytorch2.6.0",
    "py_version": "py312",
    "image_scope": "inference",
}
PYTORCH = {
    "framework": "pytorch",
    "version": "2.10.0",
    "py_version": "py313",
    "image_scope": "training",
}
SKLEARN = {"framework": "sklearn", "version": "1.9-0", "py_version": "py3"}
REQUESTS = {
    "pytorch-training-cpu": {**PYTORCH, "instance_type": CPU},
    "pytorch-training-gpu": {**PYTORCH, "instance_type": GPU},
    "huggingface-training-gpu": {**HF_TRAINING, "instance_type": GPU},
    "huggingface-inference-cpu": {**HF_INFERENCE, "instance_type": CPU},
    "huggingface-inference-gpu": {**HF_INFERENCE, "instance_type": GPU},
    "scikit-learn-cpu": {**SKLEARN, "image_scope": "training", "instance_type": CPU},
    "vllm-gpu": {
        "framework": "vllm-server",
        "version": "2",
        "image_scope": "inference",
        "instance_type": GPU,
    },
    "clarify": {"framework": "clarify", "version": "1.0"},
    "model-monitor": {"framework": "model-monitor"},
}


def record() -> dict[str, dict[str, dict[str, str]]]:
    """Return image name to region to URI."""
    session = boto3.Session()
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)
    ]
    extra = ["eu-isoe-west-1", "eusc-de-east-1", "us-isof-east-1", "us-isof-south-1", "me-west-1"]
    return {
        "images": {
            name: answers(request, sorted({*regions, *extra})) for name, request in REQUESTS.items()
        }
    }


def answers(request: dict[str, str], regions: list[str]) -> dict[str, str]:
    found = {}
    for region in regions:
        try:
            found[region] = image_uris.retrieve(region=region, **request)
        except ValueError:  # "Unsupported region"
            continue
    return found
