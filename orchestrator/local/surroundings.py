"""What an execution on this machine ran with, for its receipt: system, processors, versions."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.definition.json import Json

PACKAGES = ("fm-orchestrator", "torch", "transformers", "peft", "tokenizers", "numpy", "pyarrow")
"""Those that jobs compute with, and our own. Nothing is imported to ask."""


def surroundings() -> dict[str, Json]:
    """Return the members `machine` and `versions` of a receipt; the host is not named."""
    processors = os.cpu_count() or 1
    return {
        "machine": f"{platform.system()} {platform.machine()}, {processors} processors",
        "versions": {"python": platform.python_version(), **_installed()},
    }


def _installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
