"""The container as a script sees it: inputs, outputs, settings, metrics, progress, failure.

A script starts with `job = current_job()` and then never asks whether it runs under SageMaker's
Training or Processing contract. Standard library only, so that any image can import it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from training_scripts.smoke import Smoke, smoke_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Contract = Literal["Training", "Processing"]

ROOT_VARIABLE = "FMO_ML_ROOT"
"""Where the job's folder is; `/opt/ml` unless set."""
FAILURE_VARIABLE = "FMO_FAILURE_FILE"
"""Where `fail` leaves its text for `launch.py`."""

_TRUE, _FALSE = frozenset({"true", "True"}), frozenset({"false", "False"})


class JobFailure(SystemExit):
    """The job cannot succeed, for a reason a person can act on. Exits 1 without a traceback."""


def fail(message: str) -> NoReturn:
    """Raise `JobFailure` with `message`, which `launch.py` reports as the failure reason."""
    path = os.environ.get(FAILURE_VARIABLE)
    if path:
        # On a full disk the log is what is left to tell it.
        with contextlib.suppress(OSError):
            Path(path).write_text(message, encoding="utf-8")
    raise JobFailure(message)


@dataclass(frozen=True)
class Job:
    """One job: where its inputs are, where its outputs go, and what it was told to do."""

    kind: str
    """The spec's kind: `dataset`, `train`, `evaluate`, ..."""
    step: str
    settings: dict[str, Any]
    """The spec's fields of this step; arguments are already folded in."""
    root: Path
    contract: Contract
    smoke: Smoke | None = None
    """The caps of a smoke run, if this is one."""

    def input(self, name: str) -> Path:
        """Return the folder of input channel `name`; JobFailure if there is none."""
        replaced = self.smoke.channels if self.smoke else {}
        folder = replaced.get(name, self._inputs / name)
        if not folder.exists():
            present = sorted(path.name for path in self._inputs.glob("*") if path.name != "code")
            found = ", ".join(present) if present else "none"
            fail(f"inputs.{name}: the job has no such channel (found: {found}).")
        return folder

    def has_input(self, name: str) -> bool:
        """Return whether the job was given input channel `name`."""
        return (self._inputs / name).exists()

    def output(self, name: str) -> Path:
        """Return the folder for output `name`, created if need be."""
        if self.contract == "Processing":
            return _created(self.root / "processing" / "output" / name)
        return self.model_dir if name == "model" else _created(self.root / "output" / "data" / name)

    @property
    def model_dir(self) -> Path:
        """Where the model goes: `/opt/ml/model`, or the output `model` of a Processing job."""
        if self.contract == "Processing":
            return _created(self.root / "processing" / "output" / "model")
        return _created(self.root / "model")

    @property
    def checkpoint_dir(self) -> Path:
        """What SageMaker keeps from one attempt to the next: `/opt/ml/checkpoints`."""
        return _created(self.root / "checkpoints")

    def write_metrics(self, metrics: Mapping[str, float]) -> Path:
        """Write `metrics.json`, whole or not at all, where gates read it; return its path.

        Raises:
            JobFailure: If a value is not a finite number.
        """
        wrong = [name for name, value in metrics.items() if not _is_finite_number(value)]
        if wrong:
            found = ", ".join(f"{name}={metrics[name]!r}" for name in wrong)
            fail(f"metrics.json: every value must be a finite number, found {found}.")
        folder = self.output("metrics") if self.contract == "Processing" else self.model_dir
        path = folder / "metrics.json"
        partial = folder / ".metrics.json.partial"
        partial.write_text(json.dumps(dict(metrics), indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
        return path

    @property
    def _inputs(self) -> Path:
        if self.contract == "Processing":
            return self.root / "processing" / "input"
        return self.root / "input" / "data"


def current_job(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> Job:
    """Return the job this process runs.

    Args:
        arguments: `--name=value` settings, which win over `config.json`; `sys.argv` if None.
        environment: Environment variables; the process's own if None.

    Raises:
        JobFailure: If the code folder, `config.json` or an argument is not as it should be.
    """
    environment = os.environ if environment is None else environment
    root = ml_root(environment)
    contract, code = find_code(root)
    config = _read_config(code / "config.json")
    settings = dict(config.get("settings", {}))
    for argument in sys.argv[1:] if arguments is None else arguments:
        name, separator, text = argument.partition("=")
        if not name.startswith("--") or not separator:
            fail(f"arguments: {argument!r} is not of the form --name=value.")
        name = name[2:]
        settings[name] = _typed(name, text, settings.get(name))
    kind, step = config.get("kind", ""), config.get("step", "")
    return Job(kind, step, settings, root, contract, smoke_of(environment))


def ml_root(environment: Mapping[str, str]) -> Path:
    """Return the job's folder, `/opt/ml` unless `FMO_ML_ROOT` says otherwise."""
    return Path(environment.get(ROOT_VARIABLE) or "/opt/ml")


def find_code(root: Path) -> tuple[Contract, Path]:
    """Return which contract laid out `root`, and the folder of the step's code.

    Raises:
        JobFailure: If neither contract's code folder exists.
    """
    processing = root / "processing" / "input" / "code"
    training = root / "input" / "data" / "code"
    if processing.is_dir():
        return "Processing", processing
    if training.is_dir():
        return "Training", training
    fail(f"{root}: there is no code, neither in {training} nor in {processing}.")


def log_progress(
    step: int,
    total: int,
    metrics: Mapping[str, float] | None = None,
    tokens_per_second: float | None = None,
    seconds_left: float | None = None,
) -> None:
    """Print one progress line, which the backends read from the log."""
    parts = [f"progress step={step}/{total}"]
    parts += [f"{name}={_short(value)}" for name, value in (metrics or {}).items()]
    if tokens_per_second is not None:
        parts.append(f"tokens_per_second={tokens_per_second:.0f}")
    if seconds_left is not None:
        parts.append(f"seconds_left={seconds_left:.0f}")
    print(" ".join(parts), flush=True)


def _created(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_finite_number(value: object) -> bool:
    # bool is an int in Python, and `true` in metrics.json would be no number to Std:JsonGet.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        fail(f"{path}: the file is missing. Every step's code folder holds a config.json.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        fail(f"{path}: not valid JSON ({error}).")
    if not isinstance(config, dict):
        fail(f"{path}: expected a JSON object, found {type(config).__name__}.")
    return config


def _typed(name: str, text: str, default: object) -> Any:
    """`text` as the type of `default`; without a default, as the JSON scalar it looks like."""
    if isinstance(default, str):
        return text
    value = _as_json(text)
    if default is None:
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(default) is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) is not type(default):
        wanted = type(default).__name__
        fail(f"arguments: --{name}={text} is not of type {wanted}, as {name}={default!r} is.")
    return value


def _as_json(text: str) -> Any:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    try:
        return json.loads(text)
    except ValueError:
        return text


def _short(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    small = value != 0 and abs(value) < 1e-3
    return f"{value:.3e}" if small else f"{value:.4f}"
