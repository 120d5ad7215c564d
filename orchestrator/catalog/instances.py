"""SageMaker instance types by what may use them."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

Use: TypeAlias = Literal["training", "processing", "transform", "hosting"]

_ENUMS: dict[Use, str] = {
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
    "transform": "TransformInstanceType",
    "hosting": "ProductionVariantInstanceType",
}


LOCAL_STORAGE_FAMILIES = frozenset(
    {"g4dn", "g5", "g6", "g6e", "g7e", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en"}
    | {"p6-b200", "p6-b300", "p6e-gb200", "r5d", "trn1", "trn1n", "trn2"}
)
"""Families with local NVMe storage (EC2, instance store volumes). A job on them refuses
`VolumeKmsKeyId` (botocore 1.44.5, sagemaker, ResourceConfig)."""


@cache
def instance_types(use: Use) -> tuple[str, ...]:
    """Return the instance types that a job of that use may name, grouped by family."""
    families = _data()[_ENUMS[use]]
    return tuple(
        f"ml.{family}.{size}" for family, sizes in families.items() for size in sizes.split()
    )


def family(instance_type: str) -> str:
    """Return `g5` for `ml.g5.2xlarge`."""
    parts = instance_type.split(".")
    return parts[1] if len(parts) == 3 else ""


def has_gpu(instance_type: str) -> bool:
    """Return whether the instance has NVIDIA GPUs (families g and p)."""
    return family(instance_type)[:1] in {"g", "p"}


@cache
def _data() -> dict[str, dict[str, str]]:
    text = files("orchestrator.catalog").joinpath("instances.json").read_text(encoding="utf-8")
    data: dict[str, dict[str, str]] = json.loads(text)["enums"]
    return data
