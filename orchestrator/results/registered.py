"""A version of a model package group, read from its model package, wherever it is registered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orchestrator.results.model import Json

BESIDE = "-adapter"
"""Ends the name of a method whose package lacks the model under it."""
ADAPTER = f"lora{BESIDE}"
"""The method of a package that holds an adapter, not a whole model."""
PENDING = "PendingManualApproval"
EXECUTION = "fmo.execution"
STEP = "fmo.step"
METHOD = "fmo.method"
BASE_MODEL = "fmo.base_model"
LORA_RANK = "fmo.lora_rank"
"""Members of a package's `CustomerMetadataProperties` that a `register` step writes."""


@dataclass(frozen=True)
class RegisteredModel:
    """One version of a model package group."""

    group: str
    version: int
    arn: str
    approval_status: str
    created_at: datetime
    execution_id: str
    step: str
    metrics: Mapping[str, float]
    model_card: Json
    """The card's content, read if it is JSON; None without one."""
    artifacts: tuple[str, ...]
    """Where the weights are: `s3://` URIs."""
    package: Mapping[str, Json]
    """The whole request."""
    approval_description: str | None = None
    """Why it was approved or rejected, in the words of who did."""

    @property
    def name(self) -> str:
        """`GROUP/VERSION`."""
        return f"{self.group}/{self.version}"

    def property(self, name: str) -> str | None:
        """Return a member of the package's `CustomerMetadataProperties`."""
        properties = self.package.get("CustomerMetadataProperties")
        found = properties.get(name) if isinstance(properties, Mapping) else None
        return found if isinstance(found, str) else None


def registered_model(
    package: Mapping[str, Json],
    created_at: datetime,
    metrics: Mapping[str, float],
    *,
    owner: tuple[str, str] | None = None,
) -> RegisteredModel:
    """Return what a model package says.

    Args:
        package: As DescribeModelPackage answers.
        created_at: When it was registered.
        metrics: What its `metrics.json` holds.
        owner: Execution id and step that registered it; None is what the package says.
    """
    properties = package.get("CustomerMetadataProperties")
    said = properties if isinstance(properties, Mapping) else {}
    execution, step = owner or (str(said.get(EXECUTION, "")), str(said.get(STEP, "")))
    description = package.get("ApprovalDescription")
    return RegisteredModel(
        group=str(package.get("ModelPackageGroupName") or "default"),
        version=int(str(package["ModelPackageVersion"])),
        arn=str(package["ModelPackageArn"]),
        approval_status=str(package.get("ModelApprovalStatus") or PENDING),
        created_at=created_at,
        execution_id=execution,
        step=step,
        metrics=metrics,
        model_card=_card(package.get("ModelCard")),
        artifacts=artifact_uris(package),
        package=package,
        approval_description=description if isinstance(description, str) else None,
    )


def artifact_uris(package: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the URIs of the weights that a model package names."""
    return tuple(dict.fromkeys(texts_in(package.get("InferenceSpecification"), _is_artifact)))


def statistics_uris(package: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the URIs of the JSON files that hold what was measured of a model."""
    return tuple(dict.fromkeys(texts_in(package.get("ModelMetrics"), _is_statistics)))


def texts_in(value: Json, wanted: Callable[[str, str], bool]) -> Iterator[str]:
    """Yield every text of a document for whose name and content `wanted` holds."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            if isinstance(member, str) and wanted(name, member):
                yield member
            else:
                yield from texts_in(member, wanted)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item, wanted)


def _is_artifact(name: str, text: str) -> bool:
    return name in {"ModelDataUrl", "S3Uri"} and text.startswith("s3://")


def _is_statistics(name: str, text: str) -> bool:
    return name == "S3Uri" and text.endswith(".json")


def _card(card: Json) -> Json:
    content = card.get("ModelCardContent") if isinstance(card, Mapping) else None
    if not isinstance(content, str):
        return content
    try:
        read: Json = json.loads(content)
    except ValueError:
        return content
    return read
