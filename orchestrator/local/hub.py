"""A model of the Hugging Face hub, fetched by a process that has the hub's library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from orchestrator.errors import DataError, Problem

SCRIPT = Path(__file__).parents[2] / "training_scripts" / "fetch_model.py"


def fetch_model(
    model_id: str, revision: str, folder: Path, *, python: str = sys.executable
) -> None:
    """Download `model_id` at `revision` into `folder`.

    Raises:
        DataError: If it cannot be had, with the reason that the script gave.
    """
    command = [python, str(SCRIPT), f"--revision={revision}", f"--output={folder}", "--", model_id]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        # The script's last line says what to do, too.
        raise DataError(Problem(f"hf://{model_id}@{revision}", lines[-1].rstrip(".")))
