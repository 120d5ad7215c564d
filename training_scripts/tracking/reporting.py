"""What the training loop reports to: every tracker of `report_to`, or none."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.tracking.mlflow import Mlflow
from training_scripts.tracking.sender import Patience, Sender
from training_scripts.tracking.tensorboard import TensorBoard
from training_scripts.tracking.tracker import Misconfigured, Row, RunFacts
from training_scripts.tracking.wandb import Wandb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training_scripts.container import Job
    from training_scripts.tracking.tracker import Status, Tracker

FOLDER_VARIABLE = "FMO_TRACKING_DIR"
"""Where runs are kept that go to no server; set by the local backend."""


@dataclass
class Reporting:
    """One training's trackers; without any, every call does nothing."""

    trackers: Sequence[Tracker] = ()
    run: Callable[[int], RunFacts] | None = None
    """Gives what they are told, once it is known how many steps are done."""
    now: Callable[[], float] = time.time
    patience: Patience = field(default_factory=Patience)
    senders: list[Sender] = field(default_factory=list)

    reported: set[str] = field(default_factory=set)
    """Metrics that have a curve, as trackers name them."""

    def start(self, resumed_after: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Begin the run, or go on with it.

        Args:
            resumed_after: Optimizer steps that earlier attempts did.
            rows: What they recorded, as in `trainer_log.jsonl`.

        Raises:
            JobFailure: If a tracker can never work.
        """
        if self.run is None:
            return
        facts = self.run(resumed_after)
        earlier = [self._row(row) for row in rows]
        for tracker in self.trackers:
            sender = Sender(tracker, facts, self.patience)
            try:
                sender.start(earlier)
            except Misconfigured as error:
                fail(str(error))
            self.senders.append(sender)

    def log(self, row: Mapping[str, float]) -> None:
        """Report a row of `trainer_log.jsonl`; never waits and never fails."""
        for sender in self.senders:
            sender.send(self._row(row))

    def finish(self, status: Status, metrics: Mapping[str, float] | None = None) -> None:
        """End the run with its last metrics; waits a bounded time."""
        summary = {
            name: value
            for name, value in (metrics or {}).items()
            if name not in self.reported and math.isfinite(value)
        }
        for sender in self.senders:
            sender.finish(status, summary)

    def _row(self, row: Mapping[str, float]) -> Row:
        values = {shown_name(name): value for name, value in row.items() if name != "step"}
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self.reported.update(finite)
        return Row(int(row["step"]), self.now(), finite)


def shown_name(name: str) -> str:
    """Return what trackers call a member of `trainer_log.jsonl`: `eval_loss` is `eval/loss`."""
    if name == "tokens_per_second":
        return name
    side, _, rest = name.partition("_")
    return f"eval/{rest}" if side == "eval" else f"train/{name}"


def open_trackers(job: Job, patience: Patience | None = None) -> list[Tracker]:
    """Return the trackers that the job's settings name; nothing is begun yet.

    Raises:
        JobFailure: If a library, an address or a key is missing.
    """
    patience = patience or Patience()
    made: list[Tracker] = []
    try:
        for name in _named(job.settings.get("report_to")):
            made.append(_tracker(name, job, patience))
    except Misconfigured as error:
        fail(str(error))
    return made


def run_name(job: Job) -> str:
    """Return what trackers call the run: as the spec says, or the name of the training job."""
    return job.settings.get("run_name") or os.environ.get("TRAINING_JOB_NAME") or job.step


def _named(report_to: Any) -> Sequence[str]:
    if isinstance(report_to, str):
        return () if report_to == "none" else (report_to,)
    return tuple(report_to or ())


def _tracker(name: str, job: Job, patience: Patience) -> Tracker:
    kept = os.environ.get(FOLDER_VARIABLE)
    match name:
        case "tensorboard":
            return TensorBoard(job.root / "output" / "tensorboard", time.time)
        case "mlflow":
            return Mlflow(_mlflow_uri(job.settings, kept))
        case "wandb":
            return Wandb(
                Path(kept) if kept else job.root / "output" / "data",
                os.environ,
                offline_without_key=kept is not None,
                seconds=patience.start,
            )
    message = f"report_to: there is no tracker {name!r}. Write tensorboard, mlflow or wandb."
    raise Misconfigured(message)


def _mlflow_uri(settings: Mapping[str, Any], kept: str | None) -> str:
    """The server; here a folder where none is named, or where a job lacks the credentials."""
    uri = settings.get("tracking_uri")
    if kept and (uri is None or uri.startswith("arn:")):
        return str(Path(kept, "mlruns"))
    if uri is None:
        message = "tracking_uri: missing. Name MLflow's server: https://HOST or its ARN."
        raise Misconfigured(message)
    if not uri.startswith(("http://", "https://", "arn:", "/")):
        message = f"tracking_uri: {uri!r} is no address of MLflow. Write https://HOST or an ARN."
        raise Misconfigured(message)
    return str(uri)
