"""What the outputs of an execution's steps hold: metrics, loss history, comparisons, samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.results.figures import finite_number

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult, Json, StepResult

Read: TypeAlias = Callable[[str], bytes | None]
"""Gives the bytes of the object at an `s3://` URI, or None if there is none."""
Find: TypeAlias = Callable[[str], Path | None]
"""Gives the file or folder on this machine that an `s3://` URI names, or None."""

MAX_SAMPLES = 50
JOBS = ("Processing", "Training")
"""The types of step that write outputs; others only name what these wrote."""


def collect(result: ExecutionResult, read: Read, find: Find = lambda _: None) -> ExecutionResult:
    """Return `result` with what its succeeded steps wrote read in, where the backend did not."""
    steps = (_located(_collected(step, read), find) for step in result.steps)
    return replace(result, steps=tuple(steps))


def _located(step: StepResult, find: Find) -> StepResult:
    found = {name: find(uri) for name, uri in step.outputs.items() if uri.startswith("s3://")}
    paths = {name: path for name, path in found.items() if path is not None}
    return replace(step, paths=paths) if paths else step


def _collected(step: StepResult, read: Read) -> StepResult:
    if step.status != "Succeeded" or step.type not in JOBS:
        return step
    found = _Outputs(step.outputs, read)
    return replace(
        step,
        metrics=step.metrics or _numbers(found.document("metrics.json", "metrics", "model")),
        history=step.history or found.rows("trainer_log.jsonl", "model"),
        table=step.table or found.document("table.json", "metrics"),
        samples=step.samples or found.rows("samples.jsonl", "samples", "model")[:MAX_SAMPLES],
        statistics=step.statistics or found.document("statistics.json", "metrics"),
    )


class _Outputs:
    def __init__(self, outputs: Mapping[str, str], read: Read) -> None:
        self._outputs = outputs
        self._read = read

    def document(self, file: str, *names: str) -> Json:
        """Return the JSON document `file` of the first output that has one; None if none has."""
        for data in self._found(file, names):
            return _parse(data)
        return None

    def rows(self, file: str, *names: str) -> tuple[Mapping[str, Json], ...]:
        """Return the objects of the JSON lines `file` of the first output that has one."""
        for data in self._found(file, names):
            parsed = (_parse(line) for line in data.splitlines())
            return tuple(row for row in parsed if isinstance(row, Mapping))
        return ()

    def _found(self, file: str, names: tuple[str, ...]) -> list[bytes]:
        uris = [self._outputs[name].rstrip("/") for name in names if name in self._outputs]
        read = (self._read(f"{uri}/{file}") for uri in uris)
        return [data for data in read if data is not None]


def _parse(data: bytes) -> Json:
    try:
        parsed: Json = json.loads(data)
    except ValueError:  # The report leaves out what it cannot read; the step itself succeeded.
        return None
    return parsed


def _numbers(document: Json) -> Mapping[str, float]:
    if not isinstance(document, Mapping):
        return {}
    # An integer stays one: it is written without a point.
    return {
        name: value
        for name, value in document.items()
        if isinstance(value, int | float) and finite_number(value) is not None
    }
