"""The model registry as definitions speak of it: jobs that ask it, and gates without a champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.definition.paths import parse_path

if TYPE_CHECKING:
    from orchestrator.definition.json import Json

GROUP_VARIABLE = "FMO_MODEL_PACKAGE_GROUP"
"""In the environment of a job: it asks for this group, and finds its versions in a file here."""
PACKAGES_FILE = "config/model_packages.json"
"""Relative to /opt/ml: a list of model packages as DescribeModelPackage answers, newest first."""
FOUND = "champion.found"
"""The metric that is 1 with a champion and 0 without."""


def asks_for_no_champion(condition: Json) -> bool:
    """Return whether `condition` holds where an exam had no champion to compare with."""
    if not isinstance(condition, Mapping) or condition.get("RightValue") != 0:
        return False
    left = condition.get("LeftValue")
    body = left.get("Std:JsonGet") if isinstance(left, Mapping) else None
    path = body.get("Path") if isinstance(body, Mapping) else None
    is_found = isinstance(path, str) and parse_path(path) == (FOUND,)
    return is_found and condition.get("Type") == "Equals"
