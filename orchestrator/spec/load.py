"""YAML or JSON text to a `PipelineSpec`, or every problem of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from orchestrator.spec.pipeline import PipelineSpec

NO_OVERRIDES: Mapping[str, str] = {}


def load_spec(
    text: str, *, file: Path | None = None, overrides: Mapping[str, str] = NO_OVERRIDES
) -> PipelineSpec:
    """Return the spec that `text` says."""
    return PipelineSpec.model_validate(YAML(typ="safe", pure=True).load(text))
