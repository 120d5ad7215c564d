"""The local model registry: what RegisterModel steps recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.definition.json import Json
    from orchestrator.local.journal import Journal
    from orchestrator.local.store import Store


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


def register_model(
    request: Mapping[str, Json],
    owner: tuple[str, str],
    now: datetime,
    store: Store,
    journal: Journal,
) -> Mapping[str, Json]:
    """Record a CreateModelPackage request; return the package with its ARN and version.

    Args:
        request: Its expressions evaluated.
        owner: Execution id and step name; the same pair registers once.
        now: When.
        store: Holds the metrics that the request names.
        journal: Keeps the registry.
    """
    group = str(request.get("ModelPackageGroupName") or "default")
    metrics: dict[str, Json] = {}
    for uri in _statistics(request.get("ModelMetrics")):
        metrics.update(_metrics(uri, store))
    package = {**request, "Metrics": metrics}
    return journal.register_model(group, owner, now.isoformat(), package)


def registered_models(journal: Journal) -> list[RegisteredModel]:
    """Return all models, newest first."""
    return [_model(row) for row in journal.models()]


def package_list(group: str, journal: Journal) -> list[Json]:
    """Return the versions of `group` as DescribeModelPackage answers, the newest first."""
    return [model.package for model in registered_models(journal) if model.group == group]


def artifact_uris(request: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the URIs of the weights that a model package names."""
    return tuple(dict.fromkeys(_found(request.get("InferenceSpecification"), _is_artifact)))


def _model(row: Mapping[str, Json]) -> RegisteredModel:
    package = row["package"]
    whole = package if isinstance(package, Mapping) else {}
    metrics = whole.get("Metrics")
    numbers = metrics if isinstance(metrics, Mapping) else {}
    return RegisteredModel(
        group=str(row["group_name"]),
        version=int(str(row["version"])),
        arn=str(row["arn"]),
        approval_status=str(whole.get("ModelApprovalStatus") or "PendingManualApproval"),
        created_at=datetime.fromisoformat(str(row["created_at"])),
        execution_id=str(row["execution_id"]),
        step=str(row["step"]),
        metrics={name: float(str(value)) for name, value in numbers.items()},
        model_card=_card(whole.get("ModelCard")),
        artifacts=artifact_uris(whole),
        package=whole,
    )


def _card(card: Json) -> Json:
    content = card.get("ModelCardContent") if isinstance(card, Mapping) else None
    if not isinstance(content, str):
        return content
    try:
        read: Json = json.loads(content)
    except ValueError:
        return content
    return read


def _statistics(value: Json) -> Iterator[str]:
    yield from _found(value, lambda name, text: name == "S3Uri" and text.endswith(".json"))


def _is_artifact(name: str, text: str) -> bool:
    return name in {"ModelDataUrl", "S3Uri"} and text.startswith("s3://")


def _found(value: Json, wanted: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if isinstance(member, str) and callable(wanted) and wanted(name, member):
                yield member
            else:
                yield from _found(member, wanted)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _found(item, wanted)


def _metrics(uri: str, store: Store) -> dict[str, Json]:
    found = store.find(uri)
    if found is None:
        return {}
    try:
        document = json.loads(found.path.read_bytes())
    except ValueError:
        return {}
    members = document.items() if isinstance(document, dict) else ()
    return {name: value for name, value in members if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
