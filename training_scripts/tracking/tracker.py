"""What a training tells a tracker, and what a tracker does with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Status = Literal["FINISHED", "FAILED", "KILLED"]
"""How a run ended, in MLflow's words; a killed one goes on when its job is tried again."""

_IDS = "tracking.json"


class Misconfigured(Exception):  # noqa: N818 it names a state, as the field does
    """A tracker can never work as it is set up; the text says what to change."""


@dataclass(frozen=True)
class Row:
    """What was measured after one optimizer step."""

    step: int
    time: float
    """Seconds since 1970."""
    values: Mapping[str, float]
    """By the field's names: `train/loss`. Finite."""


@dataclass(frozen=True)
class RunFacts:
    """What a tracker is told of a run before its first row."""

    project: str
    name: str
    step: str
    """Of the pipeline."""
    hyperparameters: Mapping[str, Any]
    """The effective settings; mappings in it are one level deep."""
    resumed_after: int
    """Optimizer steps that an earlier attempt did; 0 for none."""
    kept: Path
    """A folder that outlives an attempt: the run's ids are kept there."""


class Tracker(Protocol):
    """One tracker. Its calls may block and fail: only a `Sender` makes them."""

    name: str
    """As in `report_to`."""
    errors: tuple[type[Exception], ...]
    """What is raised when it cannot be reached, or refuses."""

    def start(self, run: RunFacts) -> str:
        """Begin the run, or go on with the one of an earlier attempt; return where it is.

        Also called to go on after an error.

        Raises:
            Misconfigured: If trying again is of no use.
        """

    def log(self, rows: Sequence[Row]) -> None:
        """Store rows; those that the tracker has already, from an earlier attempt, are left out."""

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """End the run.

        Args:
            status: How it ended.
            summary: Metrics of the whole run, beside those in its rows.
        """


def known_id(run: RunFacts, tracker: str) -> str | None:
    """Return the id that the tracker's run got in an earlier attempt, if there was one."""
    return _ids(run.kept).get(tracker)


def keep_id(run: RunFacts, tracker: str, run_id: str) -> None:
    """Remember the run's id for later attempts."""
    run.kept.mkdir(parents=True, exist_ok=True)
    partial = run.kept / f".{_IDS}.partial-{tracker}"
    partial.write_text(json.dumps({**_ids(run.kept), tracker: run_id}), encoding="utf-8")
    partial.replace(run.kept / _IDS)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with `outer.inner` for what is in mappings, and nothing that is unset."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = value if isinstance(value, dict) else {}
        found.update({f"{name}.{key}": item for key, item in inner.items()})
        if not isinstance(value, dict):
            found[name] = value
    return {name: value for name, value in found.items() if value is not None}


def _ids(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / _IDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, dict) else {}
