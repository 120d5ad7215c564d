"""What a compile reads from the file system: scripts with what they import, and local data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.compiler.assets import Content
    from orchestrator.plan.model import Plan

TRAINING_SCRIPTS = Path(__file__).parents[2] / "training_scripts"
"""The library of job scripts, installed beside this package and never imported by it."""


@dataclass(frozen=True)
class StepCode:
    """The code that one step's job needs, without `config.json`."""

    script: str
    """The script's path below the asset's root."""
    files: Mapping[str, bytes]
    """Path below the asset's root to bytes; holds `launch.py` and `script`."""


@dataclass(frozen=True)
class Sources:
    """Every file that a compile may put into an asset, so that compiling itself reads nothing."""

    code: Mapping[str, StepCode]
    """Step name to its code; for every step that runs a script."""
    data: Mapping[str, Mapping[str, Content]]
    """Local path as written in the spec to its files, by path below the asset's root."""


def gather_sources(plan: Plan, folder: Path, *, library: Path = TRAINING_SCRIPTS) -> Sources:
    """Return the code and the local data that `plan` names.

    Args:
        plan: The plan to compile.
        folder: The spec's folder; paths of the spec are relative to it.
        library: The folder of `training_scripts`.

    Raises:
        SpecError: With every script or path that is missing, too large, or leaves its folder.
    """
    raise NotImplementedError
