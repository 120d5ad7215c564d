"""How an execution ended, as frozen data: the same from every backend, to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from orchestrator.results import cell, frames
from orchestrator.results.smoke import DOOR, SMOKE

if TYPE_CHECKING:
    from pandas import DataFrame

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

StepStatus = Literal[
    "NotStarted", "Starting", "Executing", "Stopping", "Stopped", "Failed", "Succeeded"
]
"""SageMaker's StepStatus (ListPipelineExecutionSteps), and `NotStarted` for steps not reached."""

ExecutionStatus = Literal["Executing", "Stopping", "Stopped", "Failed", "Succeeded"]
"""SageMaker's PipelineExecutionStatus (DescribePipelineExecution)."""


@dataclass(frozen=True)
class StepResult:
    """How one step went. Times carry their zone."""

    name: str
    type: str
    """The definition's step type: `Processing`, `Training`, `Condition`, `Fail`, ..."""
    status: StepStatus = "NotStarted"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cached: bool = False
    """Whether an earlier step's outputs were used instead of running."""
    attempts: int = 0
    failure_reason: str | None = None
    depends_on: tuple[str, ...] = ()
    """Every step that had to end first, from references and `DependsOn`, sorted."""
    branch: tuple[str, str] | None = None
    """The Condition step whose branch holds this step, and `if` or `else`; None at the top."""
    condition_outcome: bool | None = None
    """Of a Condition step: what its conditions came to."""
    conditions: tuple[str, ...] = ()
    """Of a Condition step: each comparison with the values found, such as `0.91 >= 0.8`."""
    arguments_hash: str | None = None
    """SHA-256 of what the step ran with: the content key of the cache."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Output name to its `s3://` URI (`model` for a Training step)."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The step's `metrics.json`."""
    history: tuple[Mapping[str, Json], ...] = ()
    """The rows of a training step's `trainer_log.jsonl`, each with `step`."""
    table: Json = None
    """An evaluate step's `table.json`: model, base and baselines per task."""
    samples: tuple[Mapping[str, Json], ...] = ()
    """`samples.jsonl` of evaluate and generate: prompt, expected and generated text."""
    statistics: Json = None
    """A dataset step's `statistics.json`: lengths and tasks per split."""
    log: Path | None = None
    """The job's output on this machine."""
    paths: Mapping[str, Path] = field(default_factory=dict, compare=False)
    """Output name to where it lies on this machine, if it does."""

    @property
    def seconds(self) -> float | None:
        """Wall time, or None while it is not known."""
        return _seconds(self.started_at, self.ended_at)

    @property
    def goes_without_saying(self) -> bool:
        """Whether it needs no line: no failure was reached, or no smoke run was kept out."""
        if self.type == "Condition" and self.name.endswith(DOOR):
            return self.condition_outcome is not False
        return self.type == "Fail" and self.status == "NotStarted"

    @property
    def is_done(self) -> bool:
        """Whether nothing more will happen to this step in this execution."""
        return self.status in {"Succeeded", "Failed", "Stopped"}

    def path(self, output: str) -> Path:
        """Return the file or folder of an output on this machine: to read, not to write.

        Raises:
            KeyError: If there is no such output, or it is not on this machine.
        """
        if output in self.paths:
            return self.paths[output]
        if output in self.outputs:
            message = f"output {output!r} of step {self.name!r} is not on this machine: "
            raise KeyError(message + self.outputs[output])
        raise KeyError(_no_such(output, self.outputs, f"step {self.name!r} has no output"))

    def to_pandas(self) -> DataFrame:
        """Return the loss history of a training step, or else the evaluation, or else metrics."""
        return frames.step_frame(self)

    def _repr_html_(self) -> str:
        return cell.step_html(self)


@dataclass(frozen=True)
class ExecutionResult:
    """How one run of a definition went. `steps` are in the definition's order, branches inline."""

    execution_id: str
    pipeline_name: str
    status: ExecutionStatus
    started_at: datetime
    ended_at: datetime | None = None
    steps: tuple[StepResult, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """Every parameter's value in this execution, defaults included."""
    failure_reason: str | None = None
    definition_hash: str | None = None
    """SHA-256 of the definition JSON that ran."""
    source: Mapping[str, Json] = field(default_factory=dict)
    """The receipt: spec path, overrides, versions; whatever the caller recorded."""

    @property
    def seconds(self) -> float | None:
        """Wall time, or None while it is not known."""
        return _seconds(self.started_at, self.ended_at)

    def __repr__(self) -> str:
        done = sum(step.status == "Succeeded" for step in self.steps)
        return (
            f"<ExecutionResult {self.execution_id} of {self.pipeline_name}: {self.status}, "
            f"{done} of {len(self.steps)} steps done>"
        )

    @property
    def is_smoke(self) -> bool:
        """Whether this was a smoke run, whose numbers mean nothing."""
        return self.parameters.get(SMOKE) is True

    def step(self, name: str) -> StepResult:
        """Return the step called `name`; KeyError if there is none."""
        steps = {step.name: step for step in self.steps}
        if name not in steps:
            raise KeyError(_no_such(name, steps, "there is no step"))
        return steps[name]

    def __getitem__(self, name: str) -> StepResult:
        return self.step(name)

    def to_pandas(self) -> DataFrame:
        """Return one row per step: state, times and metrics."""
        return frames.execution_frame(self)

    def _repr_html_(self) -> str:
        return cell.execution_html(self)


def execution_to_json(result: ExecutionResult) -> dict[str, Json]:
    """Return `result` as one JSON document; `execution_from_json` reads it back."""
    return {
        "execution_id": result.execution_id,
        "pipeline_name": result.pipeline_name,
        "status": result.status,
        "started_at": _time_to_json(result.started_at),
        "ended_at": _time_to_json(result.ended_at),
        "seconds": result.seconds,
        "failure_reason": result.failure_reason,
        "definition_hash": result.definition_hash,
        "parameters": dict(result.parameters),
        "source": dict(result.source),
        "steps": [step_to_json(step) for step in result.steps],
    }


def step_to_json(step: StepResult) -> dict[str, Json]:
    """Return `step` as a JSON document; `step_from_json` reads it back."""
    return {
        "name": step.name,
        "type": step.type,
        "status": step.status,
        "started_at": _time_to_json(step.started_at),
        "ended_at": _time_to_json(step.ended_at),
        "seconds": step.seconds,
        "cached": step.cached,
        "attempts": step.attempts,
        "failure_reason": step.failure_reason,
        "depends_on": list(step.depends_on),
        "branch": list(step.branch) if step.branch else None,
        "condition_outcome": step.condition_outcome,
        "conditions": list(step.conditions),
        "arguments_hash": step.arguments_hash,
        "outputs": dict(step.outputs),
        "metrics": dict(step.metrics),
        "history": [dict(row) for row in step.history],
        "table": step.table,
        "samples": [dict(row) for row in step.samples],
        "statistics": step.statistics,
        "log": str(step.log) if step.log else None,
    }


def execution_from_json(document: Mapping[str, Json]) -> ExecutionResult:
    """Return what `execution_to_json` wrote.

    Raises:
        ValueError: If a member is missing or has another type than was written.
    """
    started_at = _time(document.get("started_at"))
    if started_at is None:
        message = "started_at: an execution result has to say when it started, found null"
        raise ValueError(message)
    return ExecutionResult(
        execution_id=_text(document, "execution_id"),
        pipeline_name=_text(document, "pipeline_name"),
        status=cast("ExecutionStatus", _choice(document, "status", get_args(ExecutionStatus))),
        started_at=started_at,
        ended_at=_time(document.get("ended_at")),
        steps=tuple(step_from_json(step) for step in _mappings(document, "steps")),
        parameters=_mapping(document, "parameters"),
        failure_reason=_optional_text(document, "failure_reason"),
        definition_hash=_optional_text(document, "definition_hash"),
        source=_mapping(document, "source"),
    )


def step_from_json(document: Mapping[str, Json]) -> StepResult:
    """Return what `step_to_json` wrote.

    Raises:
        ValueError: If a member is missing or has another type than was written.
    """
    branch = _texts(document, "branch")
    outcome = document.get("condition_outcome")
    attempts = document.get("attempts")
    log = _optional_text(document, "log")
    return StepResult(
        name=_text(document, "name"),
        type=_text(document, "type"),
        status=cast("StepStatus", _choice(document, "status", get_args(StepStatus))),
        started_at=_time(document.get("started_at")),
        ended_at=_time(document.get("ended_at")),
        cached=document.get("cached") is True,
        attempts=attempts if isinstance(attempts, int) else 0,
        failure_reason=_optional_text(document, "failure_reason"),
        depends_on=_texts(document, "depends_on"),
        branch=(branch[0], branch[1]) if branch else None,
        condition_outcome=outcome if isinstance(outcome, bool) else None,
        conditions=_texts(document, "conditions"),
        arguments_hash=_optional_text(document, "arguments_hash"),
        outputs={name: str(uri) for name, uri in _mapping(document, "outputs").items()},
        metrics=_numbers(document, "metrics"),
        history=_mappings(document, "history"),
        table=document.get("table"),
        samples=_mappings(document, "samples"),
        statistics=document.get("statistics"),
        log=Path(log) if log else None,
    )


def _no_such(name: str, known: Mapping[str, object], what: str) -> str:
    close = get_close_matches(name, known, 1)
    fix = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known) or 'none'}."
    return f"{what} {name!r}. {fix}"


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    if started_at is None or ended_at is None:
        return None
    return (ended_at - started_at).total_seconds()


def _time_to_json(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(value: Json) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _text(document: Mapping[str, Json], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        message = f"{name}: has to be a string, found {value!r}"
        raise ValueError(message)  # noqa: TRY004 - one error for every malformed document
    return value


def _choice(document: Mapping[str, Json], name: str, choices: tuple[str, ...]) -> str:
    value = _text(document, name)
    if value not in choices:
        message = f"{name}: has to be one of {', '.join(choices)}, found {value!r}"
        raise ValueError(message)
    return value


def _optional_text(document: Mapping[str, Json], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _texts(document: Mapping[str, Json], name: str) -> tuple[str, ...]:
    value = document.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _mapping(document: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = document.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _mappings(document: Mapping[str, Json], name: str) -> tuple[Mapping[str, Json], ...]:
    value = document.get(name)
    if not isinstance(value, list | tuple):
        return ()
    return tuple(dict(item) for item in value if isinstance(item, Mapping))


def _numbers(document: Mapping[str, Json], name: str) -> Mapping[str, float]:
    return {
        key: value
        for key, value in _mapping(document, name).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
