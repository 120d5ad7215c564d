"""Two executions side by side: what differed going in, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.results.evaluation import evaluation_rows
from orchestrator.results.metric_rows import (
    HEADLINES,
    MetricRow,
    direction,
    gate_checks,
    metric_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.results.metric_rows import GateCheck
    from orchestrator.results.model import ExecutionResult, Json, StepResult

Verdict = Literal["better", "worse", "changed", "same", "only in A", "only in B"]


@dataclass(frozen=True)
class Change:
    """Something that went in and differs; None where it was not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class MetricChange:
    """One metric of a step in both executions."""

    step: str
    name: str
    before: MetricRow | None
    after: MetricRow | None
    way: int = 0
    """1 where more is better, -1 where less is, 0 where nobody said."""
    is_headline: bool = False
    """Whether a gate looks at it, or everybody would."""

    @property
    def difference(self) -> float | None:
        """The value in B less that in A."""
        if self.before is None or self.after is None:
            return None
        return self.after.value - self.before.value

    @property
    def is_beyond(self) -> bool | None:
        """Whether the intervals are apart; None unless both have one.

        Where one ends in the other a difference may still be real; where they are apart it is.
        """
        ends = [
            (one.low, one.high)
            for one in (self.before, self.after)
            if one is not None and one.low is not None and one.high is not None
        ]
        if len(ends) < 2:
            return None
        (low, high), (other_low, other_high) = ends
        return other_low > high or other_high < low

    @property
    def verdict(self) -> Verdict:
        """Which way it went, whatever the interval says."""
        if self.before is None or self.after is None:
            return "only in B" if self.before is None else "only in A"
        ahead = self.after.value - self.before.value
        if ahead == 0:
            return "same"
        if self.way == 0:
            return "changed"
        return "better" if ahead * self.way > 0 else "worse"


@dataclass(frozen=True)
class SampleChange:
    """A prompt that both answered, not alike."""

    step: str
    task: str
    prompt: str
    expected: str | None
    before: str
    after: str


@dataclass(frozen=True)
class StepPair:
    """A step of one name in both executions; None where there is none."""

    name: str
    before: StepResult | None
    after: StepResult | None
    changes: tuple[Change, ...] | None = None
    """What it ran with that differs; None where that is not known."""

    @property
    def is_same(self) -> bool:
        """Whether both ran with the same code, settings and inputs."""
        hashes = {one.arguments_hash for one in (self.before, self.after) if one is not None}
        return self.before is not None and len(hashes) == 1 and None not in hashes


@dataclass(frozen=True)
class Comparison:
    """Execution A is `before`, execution B is `after`."""

    before: ExecutionResult
    after: ExecutionResult
    changes: tuple[Change, ...]
    """Of the executions as a whole: parameters, overrides, versions, definition."""
    steps: tuple[StepPair, ...]
    metrics: tuple[MetricChange, ...]
    tasks: tuple[MetricChange, ...]
    """The rows of the exams, `TASK METRIC`."""
    samples: tuple[SampleChange, ...]
    samples_alike: int
    """Prompts that both answered with the same words."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader has to know before any number."""
        named = (("A", self.before), ("B", self.after))
        found = [
            f"{name} {_STANDING[one.status]}; what it did not reach has no numbers."
            for name, one in named
            if one.status in _STANDING
        ]
        found += [
            f"{name} is a smoke run; its numbers mean nothing."
            for name, one in named
            if one.is_smoke
        ]
        names = (self.before.pipeline_name, self.after.pipeline_name)
        if len(set(names)) > 1:
            found.append(f"These are executions of two pipelines, {names[0]} and {names[1]}.")
        return tuple(found)


_STANDING = {
    "Failed": "failed",
    "Stopped": "was stopped",
    "Executing": "is still running",
    "Stopping": "is being stopped",
}


def compare(
    before: ExecutionResult, after: ExecutionResult, changes: Mapping[str, Sequence[Change]]
) -> Comparison:
    """Return two executions side by side.

    Args:
        before: A, with what its steps wrote read in.
        after: B, likewise.
        changes: For each step, what it ran with that differs; only steps of which that is known.
    """
    pairs = tuple(_pairs(before, after, changes))
    samples = [pair for pair in pairs if pair.before and pair.after]
    answered = [one for pair in samples for one in _answers(pair)]
    different = tuple(one for one in answered if one.before.strip() != one.after.strip())
    checks = (*gate_checks(before.steps), *gate_checks(after.steps))
    return Comparison(
        before=before,
        after=after,
        changes=tuple(_execution_changes(before, after)),
        steps=pairs,
        metrics=tuple(one for pair in pairs for one in _metric_changes(pair, checks)),
        tasks=tuple(one for pair in pairs for one in _task_changes(pair)),
        samples=different,
        samples_alike=len(answered) - len(different),
    )


def _execution_changes(before: ExecutionResult, after: ExecutionResult) -> Iterator[Change]:
    sides = [_facts(one) for one in (before, after)]
    for name in {**sides[0], **sides[1]}:
        old, new = sides[0].get(name), sides[1].get(name)
        if old != new:
            yield Change(name, old, new)


def _facts(result: ExecutionResult) -> dict[str, str]:
    found = {f"parameter {name}": _text(value) for name, value in result.parameters.items()}
    for name, value in result.source.items():
        if isinstance(value, Mapping):
            word = {"overrides": "override", "versions": "version of"}.get(name, name)
            found |= {f"{word} {key}": _text(one) for key, one in value.items()}
        else:
            found[name] = _text(value)
    return found | {"definition SHA-256": result.definition_hash or "not recorded"}


def _pairs(
    before: ExecutionResult, after: ExecutionResult, changes: Mapping[str, Sequence[Change]]
) -> Iterator[StepPair]:
    sides = [{step.name: step for step in one.steps} for one in (before, after)]
    longer, other = sorted(sides, key=len, reverse=True)
    for name in {**longer, **other}:
        known = tuple(changes[name]) if name in changes else None
        yield StepPair(name, sides[0].get(name), sides[1].get(name), known)


def _metric_changes(pair: StepPair, checks: Sequence[GateCheck]) -> Iterator[MetricChange]:
    sides = [
        {row.name: row for row in metric_rows(step.metrics)} if step else {}
        for step in (pair.before, pair.after)
    ]
    own = [check for check in checks if check.step == pair.name]
    gated = {check.metric for check in own}
    for name in {**sides[0], **sides[1]}:
        yield MetricChange(
            step=pair.name,
            name=name,
            before=sides[0].get(name),
            after=sides[1].get(name),
            way=direction(name, own),
            is_headline=name in gated or name in HEADLINES,
        )


def _task_changes(pair: StepPair) -> Iterator[MetricChange]:
    old, new = (_task_rows(step) for step in (pair.before, pair.after))
    for name in {**old, **new}:
        before, way = old.get(name, (None, 0))
        after, way = new.get(name, (None, way))
        yield MetricChange(pair.name, name, before, after, way, is_headline=True)


def _task_rows(step: StepResult | None) -> dict[str, tuple[MetricRow, int]]:
    """Return each task's score by its name, and which way is better."""
    found = {}
    for row in evaluation_rows(step.table) if step else ():
        name = f"{row.task} {row.metric}"
        scored = MetricRow(name, row.model.value, row.model.low, row.model.high)
        found[name] = (scored, -1 if row.lower_is_better else 1)
    return found


def _answers(pair: StepPair) -> Iterator[SampleChange]:
    old = {} if pair.before is None else dict(map(_answer, pair.before.samples))
    for sample in pair.after.samples if pair.after else ():
        key, answer = _answer(sample)
        before = old.get(key)
        if before is not None and answer is not None:
            expected = sample.get("expected")
            yield SampleChange(
                step=pair.name,
                task=key[0],
                prompt=key[1],
                expected=None if expected is None else _text(expected),
                before=before,
                after=answer,
            )


def _answer(sample: Mapping[str, Json]) -> tuple[tuple[str, str], str | None]:
    task, prompt, answer = (sample.get(name) for name in ("task", "prompt", "tuned"))
    return (_text(task or ""), _text(prompt)), None if answer is None else _text(answer)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
