"""Smoke runs: the parameters that every definition carries, so that it can be tried in minutes.

With `Smoke` true, jobs cap rows and optimizer steps and put a tiny model of the same architecture
in the place of each model; gates open whatever they find, and no model is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.conditions import Comparison
from orchestrator.definition.expressions import Get, Join
from orchestrator.definition.model import Parameter
from orchestrator.results.smoke import DOOR, SMOKE

if TYPE_CHECKING:
    from orchestrator.definition.json import Json

__all__ = ["DOOR", "NAMES", "PARAMETERS", "SMOKE", "is_smoke", "smoke_argument"]

SMOKE_ROWS = "SmokeRows"
SMOKE_STEPS = "SmokeSteps"
PARAMETERS = (
    Parameter(SMOKE, "Boolean", default=False),
    Parameter(SMOKE_ROWS, "Integer", default=200),
    Parameter(SMOKE_STEPS, "Integer", default=10),
)
"""Rows of each data set, and optimizer steps of each training; read only if `Smoke` is true."""
NAMES = tuple(parameter.name for parameter in PARAMETERS)


def smoke_argument() -> Json:
    """Return the launcher's argument `--fmo_smoke=SMOKE,ROWS,STEPS`."""
    get = [Get(f"Parameters.{name}") for name in NAMES]
    return Join("", ["--fmo_smoke=", get[0], ",", get[1], ",", get[2]])


def is_smoke(*, wanted: bool) -> Comparison:
    """Return the condition that the run is a smoke run, or that it is none."""
    return Comparison("Equals", Get(f"Parameters.{SMOKE}"), wanted)
