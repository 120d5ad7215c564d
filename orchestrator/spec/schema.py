"""The spec as JSON Schema, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.spec.models import step_models
from orchestrator.spec.pipeline import PipelineSpec

if TYPE_CHECKING:
    from orchestrator.spec.composer import Tree


def spec_json_schema() -> dict[str, Tree]:
    """Return the JSON Schema (draft 2020-12) of a spec, under canonical names."""
    schema: dict[str, Any] = PipelineSpec.model_json_schema()
    definitions = schema.get("$defs", {})
    for model in step_models().values():
        step = definitions[model.__name__]
        # Python fills `kind` in; who writes YAML must.
        step["required"] = ["kind", *step.get("required", [])]
    cleaned: dict[str, Tree] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_noise(schema),
        "title": "fmo pipeline",
    }
    return cleaned


def _without_noise(node: Any, *, is_mapping_of_names: bool = False) -> Any:
    """Return `node` without the titles and discriminators that pydantic adds."""
    if isinstance(node, list):
        return [_without_noise(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_noise(
            value, is_mapping_of_names=key in {"properties", "$defs"} and not is_mapping_of_names
        )
        for key, value in node.items()
        if is_mapping_of_names or key not in {"title", "discriminator"}
    }
