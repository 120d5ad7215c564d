"""What starts a deployed pipeline, and who hears of it: requests to EventBridge, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.definition.json import Json

TriggerKind = Literal["schedule", "rule"]
SIGNATURE = "Made by fmo for pipeline "
"""What the description of everything of ours begins with; the pipeline's name follows."""


@dataclass(frozen=True)
class Trigger:
    """A schedule of EventBridge Scheduler, or a rule of EventBridge with its one target."""

    kind: TriggerKind
    name: str
    request: Mapping[str, Json]
    """CreateSchedule without `Name` and `State`; PutRule likewise, with its `Target`."""


@dataclass(frozen=True)
class TriggerNames:
    """The names of a pipeline's triggers: at most 64 characters, as both services allow."""

    schedule: str
    new_data: str
    notify: str

    @property
    def kinds(self) -> Mapping[str, TriggerKind]:
        """Name to kind."""
        return {self.schedule: "schedule", self.new_data: "rule", self.notify: "rule"}
