"""What `launch.py` does for a script that is not ours, as sagemaker-training-toolkit would.

Standard library only: `launch.py` reads it in any image.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.checkpoints.fingerprint import fingerprint
from training_scripts.launch_environment import read_hyperparameters, read_json

if TYPE_CHECKING:
    from pathlib import Path

    from training_scripts.launch_environment import Container
    from training_scripts.smoke import Smoke

CHECKPOINTS = "checkpoints"
"""Where scripts look, below /opt/ml."""
CHECKPOINTS_OF_ALL_RUNS = "all-checkpoints"
"""What SageMaker restores and keeps (CheckpointConfig, LocalPath): one folder for each run."""
CONFIG = "config.json"
_OURS = frozenset((CONFIG, "launch.py", "training_scripts"))
_NOT_ARGUMENTS = ("sagemaker_", "_tuning_objective_metric")


@dataclass(frozen=True)
class UserScript:
    """What `config.json` says of a script that is not ours."""

    arguments: tuple[str, ...]
    """What the hyperparameters of a training job become."""
    metric_definitions: Mapping[str, str]
    distribution: str
    environment: Mapping[str, str]
    """The variables that the spec sets."""
    is_smoke: bool = False


def read_user_script(container: Container, smoke: Smoke | None = None) -> UserScript | None:
    """Return what `config.json` says of the user's script; None if the script is ours.

    In a smoke run, what the spec says under `smoke` wins over the other arguments.
    """
    told = read_json(container.code / CONFIG).get("user_script")
    if not isinstance(told, Mapping):
        return None
    tried = told.get("smoke", {}) if smoke else {}
    is_training = container.contract == "Training"
    given = read_hyperparameters(container) if is_training else {}
    return UserScript(
        arguments_of({**given, **tried}),
        told.get("metric_definitions", {}),
        told.get("distribution", "none"),
        told.get("environment", {}),
        is_smoke=smoke is not None,
    )


def arguments_of(hyperparameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return hyperparameters as arguments (sagemaker-training-toolkit, mapping.to_cmd_args).

    Sorted, name and value apart, `-x` for a single letter, `k=v,k=v` for a mapping.
    """
    arguments: list[str] = []
    for name, value in sorted(hyperparameters.items()):
        if not name.startswith(_NOT_ARGUMENTS):
            arguments += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(value)]
    return tuple(arguments)


def show_checkpoints(container: Container, script: UserScript) -> Path:
    """Return the folder of this run's checkpoints, which the script sees as /opt/ml/checkpoints.

    Its name changes with the code, the arguments and the input files, so that a run that is tried
    again finds what it left, and another run does not.
    """
    channels = [path for path in sorted(container.channels.iterdir()) if path.is_dir()]
    channels = [path for path in channels if path != container.code]
    settings = {
        "arguments": script.arguments,
        "channels": [path.name for path in channels],
        "code": _digests(container.code),
        "environment": dict(script.environment),
        "smoke": script.is_smoke,
    }
    folder = container.root / CHECKPOINTS_OF_ALL_RUNS / fingerprint(settings, channels)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _show(folder, container.root)
    except OSError as error:
        # The image has files of its own there.
        print(f"checkpoints: only SM_CHECKPOINT_DIR names the folder that is kept ({error})")
    return folder


def forget_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run that ended well; SageMaker removes them from S3 too."""
    shutil.rmtree(folder, ignore_errors=True)


def _show(folder: Path, root: Path) -> None:
    shown = root / CHECKPOINTS
    if shown.is_dir() and not shown.is_symlink():
        shown.rmdir()
    shown.unlink(missing_ok=True)
    shown.symlink_to(folder.relative_to(root), target_is_directory=True)


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={inner}" for name, inner in sorted(value.items()))
    return str(value)


def _digests(code: Path) -> dict[str, str]:
    """The user's files below `code`: path to SHA-256."""
    files = {
        path.relative_to(code): path
        for path in code.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {
        relative.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for relative, path in files.items()
        if relative.parts[0] not in _OURS
    }
