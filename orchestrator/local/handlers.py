"""Lambda and Callback steps: which Python answers them, and the call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.errors import StepFailedError
from orchestrator.local import lambda_main
from orchestrator.local.environments import job_variables
from orchestrator.local.process import EXIT_FILE, Command, run_process

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step
    from orchestrator.local.process import Stopper

LAMBDA_SECONDS = 600.0
"""A Lambda step has ten minutes (sagemaker/latest/dg/build-and-manage-steps.html)."""
FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a handler in this process may raise to let its step fail."""

LambdaHandler: TypeAlias = Callable[[Mapping[str, "Json"], object], "Json"]
"""Called with the step's arguments and None; what it returns holds the output parameters."""
CallbackHandler: TypeAlias = Callable[[Mapping[str, "Json"]], "Mapping[str, Json]"]
"""Called with the message SageMaker would send; returns the output parameters."""


@dataclass(frozen=True)
class Handlers:
    """Python functions in this process that stand in for services."""

    lambdas: Mapping[str, LambdaHandler] = field(default_factory=dict)
    """By function name."""
    callbacks: Mapping[str, CallbackHandler] = field(default_factory=dict)
    """By queue name."""


def function_name(step: Step) -> str:
    """Return the name in a Lambda step's `FunctionArn`, without version or alias."""
    arn = str(step.extra.get("FunctionArn", ""))
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 else parts[-1]


def queue_name(step: Step) -> str:
    """Return the name in a Callback step's `SqsQueueUrl`."""
    return str(step.extra.get("SqsQueueUrl", "")).rstrip("/").rpartition("/")[2]


SERVICES_HERE = frozenset(("bedrock", "bedrock_import"))
"""What the bridge carries callback steps to on this machine: `arguments.service`."""


def is_carried_here(step: Step, handlers: Handlers) -> bool:
    """Return whether the bridge answers a Callback step, since no handler does."""
    service = step.arguments.get("service")
    is_ours = step.type == "Callback" and service in SERVICES_HERE
    return is_ours and queue_name(step) not in handlers.callbacks


def output_parameters(step: Step, answer: Json) -> dict[str, Json]:
    """Return the step's declared output parameters out of a handler's answer.

    Raises:
        StepFailedError: If one is missing.
    """
    given = answer if isinstance(answer, Mapping) else {}
    declared = step.extra.get("OutputParameters")
    items = declared if isinstance(declared, list | tuple) else []
    names = [str(item["OutputName"]) for item in items if isinstance(item, Mapping)]
    missing = [name for name in names if name not in given]
    if missing:
        message = f"the handler's answer has no {', '.join(missing)}; it has {sorted(given)}"
        raise StepFailedError(message)
    return {name: given[name] for name in names}


def call_lambda_file(
    path: Path,
    event: Mapping[str, Json],
    folder: Path,
    caller: Mapping[str, str],
    stopper: Stopper,
) -> Json:
    """Return what `handler(event, None)` of the Python file at `path` answers, in a process.

    Raises:
        StepFailedError: If it fails, or answers what is not JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    (folder / "event.json").write_text(json.dumps(event))
    command = Command(
        [sys.executable, "-I", lambda_main.__file__, str(path), str(folder)],
        job_variables(folder, {}, caller, as_opt_ml=False),
        folder,
        folder,
        LAMBDA_SECONDS,
        as_opt_ml=False,
    )
    with (folder / "stdout.log").open("wb") as log:
        ended = run_process(
            command, folder / EXIT_FILE, lambda chunk: _write(log.write, chunk), stopper
        )
    if not ended.succeeded:
        lines = (folder / "stdout.log").read_text("utf-8", "replace").strip().splitlines()
        message = f"{path.name}: {ended.reason or (lines or ['it failed'])[-1]}"
        raise StepFailedError(message)
    document: Json = json.loads(answer.read_bytes())
    return document


def _write(write: Callable[[bytes], int], chunk: bytes) -> None:
    write(chunk)
