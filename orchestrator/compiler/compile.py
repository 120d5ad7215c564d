"""Plan to definition: pure, the same bytes each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.compiler.assets import Asset
    from orchestrator.compiler.environment import Environment
    from orchestrator.compiler.sources import Sources
    from orchestrator.definition.model import Definition
    from orchestrator.plan.model import HubModel, Plan


@dataclass(frozen=True)
class HubAsset:
    """A model of the Hugging Face hub that must stand at `uri` before the definition runs."""

    uri: str
    model: HubModel


@dataclass(frozen=True)
class Compiled:
    """A definition, and what must be stored before it can run."""

    definition: Definition
    json: bytes
    """The definition as `fmo compile` writes it: UTF-8, one line feed at the end."""
    assets: tuple[Asset, ...]
    """Sorted by URI, each once."""
    hub_models: tuple[HubAsset, ...] = ()
    """Models to fetch from the hub; sorted by URI, each once."""


def compile_plan(plan: Plan, environment: Environment, sources: Sources) -> Compiled:
    """Return the definition of `plan` in `environment`, with the assets it names.

    Raises:
        SpecError: If the catalogue has no image for a step in the environment's region, or gates
            nest too deep.
    """
    raise NotImplementedError
