"""Weights & Biases: a run on its server, or in a folder for `wandb sync`."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_scripts.tracking.tracker import Misconfigured, keep_id, known_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training_scripts.tracking.tracker import Row, RunFacts, Status

_REFUSED = re.compile(r"\berror 40[13]\b")
_WITHOUT_KEY = ("offline", "dryrun", "disabled")
"""Values of WANDB_MODE with which nothing is sent."""


class Wandb:
    """Reports through W&B's own process, which sends in the background."""

    name = "wandb"

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        offline_without_key: bool,
        seconds: float,
    ) -> None:
        """Check that runs can be made.

        Args:
            folder: Below it, in `wandb/`, W&B keeps what is not yet sent.
            environment: The job's, with WANDB_API_KEY.
            offline_without_key: Whether to keep runs in `folder` instead of failing.
            seconds: How long a start and an end may take.
        """
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # It would report to the makers of W&B.
        os.environ.setdefault("WANDB_SILENT", "true")
        try:
            import wandb
        except ImportError as error:
            cure = "Run: pip install 'fm-orchestrator[wandb]'"
            message = f"report_to: wandb is not installed ({error}). {cure}"
            raise Misconfigured(message) from error
        mode = environment.get("WANDB_MODE", "online")
        has_key = "WANDB_API_KEY" in environment or "WANDB_IDENTITY_TOKEN_FILE" in environment
        if not has_key and mode not in _WITHOUT_KEY:
            if not offline_without_key:
                message = (
                    "report_to: wandb needs a key, and WANDB_API_KEY is not set. Write "
                    "environment: {WANDB_API_KEY: $secrets.NAME}, or {WANDB_MODE: offline}."
                )
                raise Misconfigured(message)
            mode = "offline"
        self.errors: tuple[type[Exception], ...] = (wandb.errors.Error, OSError)
        self._folder, self._seconds = folder, seconds
        self._mode: Any = mode
        self._run: Any = None
        self._has_until = -1

    def start(self, run: RunFacts) -> str:
        """Make the run, or go on with that of an earlier attempt."""
        import wandb

        run_id = known_id(run, self.name)
        if run_id is None:
            run_id = secrets.token_hex(4)
            keep_id(run, self.name, run_id)
        self._folder.mkdir(parents=True, exist_ok=True)
        wandb.teardown()  # Else its process says that a try that failed still has the run.
        try:
            self._run = wandb.init(
                project=run.project,
                name=run.name,
                tags=[run.step],
                id=run_id,
                resume="allow",
                mode=self._mode,
                dir=self._folder,
                config=dict(run.hyperparameters),
                settings=wandb.Settings(
                    sagemaker_disable=True,  # It would name the run anew for each attempt.
                    console="off",
                    silent=True,
                    disable_git=True,
                    disable_code=True,
                    x_save_requirements=False,
                    init_timeout=self._seconds,
                    finish_timeout=self._seconds,
                ),
            )
        except wandb.errors.Error as error:
            if isinstance(error, wandb.errors.UsageError) or _REFUSED.search(str(error)):
                message = f"report_to: wandb refuses: {error} Check WANDB_API_KEY."
                raise Misconfigured(message) from error
            self._mode = "offline"  # For the next try: what it keeps there can be sent later.
            raise
        self._has_until = self._run.step - 1
        where = self._run.url
        if self._run.offline:
            folder = Path(self._run.dir).parent
            where = f"{folder}; send it with: wandb sync {shlex.quote(str(folder))}"
        return f"project {run.project!r}, run {run.name!r}, {where}"

    def log(self, rows: Sequence[Row]) -> None:
        """Hand rows over; W&B takes steps in order, and drops those it has passed."""
        for row in rows:
            if row.step > self._has_until:
                self._run.log(dict(row.values), step=row.step)

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Send what is left, and end the run."""
        import wandb

        self._run.summary.update(dict(summary))
        self._run.finish(exit_code=0 if status == "FINISHED" else 1)
        wandb.teardown()  # Its process has yet to write the file, and would die with the job.
