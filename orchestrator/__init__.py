"""fmo, the foundation-model orchestrator.

`Pipeline` and `steps` write a pipeline in Python, `load` reads one from YAML; both run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.python import steps
    from orchestrator.python.pipeline import Pipeline, load
    from orchestrator.spec.pipeline import PipelineSpec

    __version__: str

__all__ = ["Pipeline", "PipelineSpec", "__version__", "load", "steps"]

# Loaded when first asked for, so that `import orchestrator.errors` costs nothing.
LAZY = {
    "Pipeline": ("orchestrator.python.pipeline", "Pipeline"),
    "PipelineSpec": ("orchestrator.spec.pipeline", "PipelineSpec"),
    "load": ("orchestrator.python.pipeline", "load"),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        # It takes 40 ms to import.
        return import_module("importlib.metadata").version("fm-orchestrator")
    if name == "steps":
        return import_module("orchestrator.python.steps")
    if name in LAZY:
        module, attribute = LAZY[name]
        return getattr(import_module(module), attribute)
    message = f"module 'orchestrator' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
