"""The local model registry: what RegisterModel steps recorded, and what people approved."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.results.registered import registered_model, statistics_uris

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.local.journal import Journal
    from orchestrator.local.store import Store
    from orchestrator.results.registered import RegisteredModel


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
    for uri in statistics_uris(request):
        metrics.update(_metrics(uri, store))
    package = {**request, "ModelPackageGroupName": group, "Metrics": metrics}
    return journal.register_model(group, owner, now.isoformat(), package)


def registered_models(journal: Journal) -> list[RegisteredModel]:
    """Return all models, newest first."""
    return [_model(row) for row in journal.models()]


def package_list(group: str, journal: Journal) -> list[Json]:
    """Return the versions of `group` as DescribeModelPackage answers, the newest first."""
    return [model.package for model in registered_models(journal) if model.group == group]


def set_approval(
    model: RegisteredModel, status: str, description: str | None, now: datetime, journal: Journal
) -> None:
    """Record that a person approved or rejected `model`, as UpdateModelPackage does."""
    said = {} if description is None else {"ApprovalDescription": description}
    changes = {"ModelApprovalStatus": status, **said, "LastModifiedTime": now.isoformat()}
    journal.update_model(model.arn, changes)


def _model(row: Mapping[str, Json]) -> RegisteredModel:
    package = row["package"]
    whole = package if isinstance(package, Mapping) else {}
    metrics = whole.get("Metrics")
    numbers = metrics if isinstance(metrics, Mapping) else {}
    return registered_model(
        {**whole, "ModelPackageGroupName": row["group_name"]},
        datetime.fromisoformat(str(row["created_at"])),
        {name: float(str(value)) for name, value in numbers.items()},
        owner=(str(row["execution_id"]), str(row["step"])),
    )


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
