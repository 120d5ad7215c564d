"""fmo, the foundation-model orchestrator.

`Pipeline` and `steps` write a spec in Python, `load` reads one from YAML.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.spec import steps
    from orchestrator.spec.pipeline import PipelineSpec
    from orchestrator.spec.python import Pipeline, load

    __version__: str

__all__ = ["Pipeline", "PipelineSpec", "__version__", "load", "steps"]

# Loaded when first asked for, so that `import orchestrator.errors` costs nothing.
LAZY = {
    "Pipeline": ("orchestrator.spec.python", "Pipeline"),
    "PipelineSpec": ("orchestrator.spec.pipeline", "PipelineSpec"),
    "load": ("orchestrator.spec.python", "load"),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        # It takes 40 ms to import.
        return import_module("importlib.metadata").version("fm-orchestrator")
    if name == "steps":
        return import_module("orchestrator.spec.steps")
    if name in LAZY:
        module, attribute = LAZY[name]
        return getattr(import_module(module), attribute)
    message = f"module 'orchestrator' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
