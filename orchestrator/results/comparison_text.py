"""Two executions side by side, in words and as one JSON document."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.results.figures import number, plural
from orchestrator.results.metric_rows import HEADLINES
from orchestrator.results.report_facts import HASH_LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.results.comparison import Change, Comparison, MetricChange, StepPair
    from orchestrator.results.model import ExecutionResult, Json


_ARGUMENT = re.compile(r"--(?P<name>[\w.-]+)=(?P<value>.*)", re.DOTALL)


def summary(comparison: Comparison) -> str:
    """Return in one or two sentences how B stands to A."""
    main = main_metric(comparison)
    said = "They have no number in common." if main is None else main_text(main)
    if comparison.tasks:
        moved = [one for one in comparison.tasks if one.is_beyond]
        better = sum(one.verdict == "better" for one in moved)
        said += (
            f" Of {plural(len(comparison.tasks), 'task score')} {better} got better beyond the "
            f"interval, {len(moved) - better} got worse."
        )
    return said


def main_metric(comparison: Comparison) -> MetricChange | None:
    """Return the number that says most: of the last step that has one in both."""
    both = [one for one in comparison.metrics if one.is_headline and one.difference is not None]
    last = both[-1].step if both else None
    ranked = {name: at for at, name in enumerate(HEADLINES)}
    return min(
        (one for one in both if one.step == last),
        key=lambda one: ranked.get(one.name, len(ranked)),
        default=None,
    )


def main_text(change: MetricChange) -> str:
    """Return how a metric went: `accuracy of exam went from 0.75 to 0.78 (+0.03)`, and so on."""
    if change.before is None or change.after is None:
        return ""
    name = f"{change.name} of {change.step}"
    if change.verdict == "same":
        return f"{name} is {number(change.after.value)} in both."
    said = (
        f"{name} went from {number(change.before.value)} to {number(change.after.value)} "
        f"({signed(change.difference)})"
    )
    if change.is_beyond is None:
        return f"{said}."
    return f"{said}: {'the intervals are apart' if change.is_beyond else 'the intervals overlap'}."


def verdict_words(change: MetricChange) -> str:
    """Return `better, beyond the interval`, `worse, within the interval`, `same`, ..."""
    if change.is_beyond is None or change.verdict == "same":
        return change.verdict
    return f"{change.verdict}, {'beyond' if change.is_beyond else 'within'} the interval"


def readable_changes(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return what a step ran with in the words of the spec: settings first, then code, then inputs.

    Parts of a request keep their path; hashes are cut; several files of one input are counted.
    """
    inputs: dict[str, list[Change]] = {}
    told: dict[bool, list[Change]] = {False: [], True: []}
    for change in changes:
        channel, _, path = change.name.removeprefix("inputs.").partition("/")
        if not change.name.startswith("inputs."):
            told[False].append(_readable(change))
        elif channel == "code":
            told[True].append(_cut(change, f"code {path}"))
        else:
            inputs.setdefault(channel, []).append(_cut(change, f"input {channel}/{path}"))
    files = [_counted(channel, found) for channel, found in inputs.items()]
    return (*told[False], *told[True], *files)


def signed(value: float | None) -> str:
    """Return a difference with its sign; empty when not known."""
    if value is None:
        return ""
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{number(abs(value))}"


def comparison_to_json(comparison: Comparison) -> dict[str, Json]:
    """Return the comparison as one JSON document."""
    return {
        "before": _brief(comparison.before),
        "after": _brief(comparison.after),
        "remarks": list(comparison.remarks),
        "summary": summary(comparison),
        "changes": [_change_to_json(one) for one in comparison.changes],
        "steps": [_step_to_json(one) for one in comparison.steps],
        "metrics": [_metric_to_json(one) for one in comparison.metrics],
        "tasks": [_metric_to_json(one) for one in comparison.tasks],
        "samples": {"different": len(comparison.samples), "alike": comparison.samples_alike},
    }


def _readable(change: Change) -> Change:
    argument = [_ARGUMENT.fullmatch(side or "") for side in (change.before, change.after)]
    names = {one["name"] for one in argument if one}
    if "ContainerArguments" in change.name and len(names) == 1:
        before, after = (one["value"] if one else None for one in argument)
        return replace(change, name=names.pop(), before=before, after=after)
    return replace(change, name=change.name.removeprefix("settings."))


def _cut(change: Change, name: str) -> Change:
    before, after = (
        None if digest is None else digest[:HASH_LENGTH] for digest in (change.before, change.after)
    )
    return replace(change, name=name, before=before, after=after)


def _counted(channel: str, changes: Sequence[Change]) -> Change:
    if len(changes) == 1:
        return changes[0]
    before, after = (
        plural(sum(one is not None for one in side), "file")
        for side in zip(*((one.before, one.after) for one in changes), strict=True)
    )
    return replace(changes[0], name=f"input {channel}", before=before, after=f"{after}, changed")


def _brief(result: ExecutionResult) -> dict[str, Json]:
    return {
        "execution_id": result.execution_id,
        "pipeline_name": result.pipeline_name,
        "status": result.status,
        "started_at": result.started_at.isoformat(),
        "seconds": result.seconds,
        "definition_hash": result.definition_hash,
    }


def _change_to_json(change: Change) -> dict[str, Json]:
    return {"name": change.name, "before": change.before, "after": change.after}


def _step_to_json(pair: StepPair) -> dict[str, Json]:
    found: dict[str, Json] = {"name": pair.name, "same": pair.is_same}
    for side, step in (("before", pair.before), ("after", pair.after)):
        found[side] = (
            {"status": step.status, "cached": step.cached, "seconds": step.seconds}
            if step
            else None
        )
    known = pair.changes
    return {**found, "changes": None if known is None else [_change_to_json(one) for one in known]}


def _metric_to_json(change: MetricChange) -> dict[str, Json]:
    sides: dict[str, Json] = {
        side: None if row is None else {"value": row.value, "low": row.low, "high": row.high}
        for side, row in (("before", change.before), ("after", change.after))
    }
    return {
        "step": change.step,
        "name": change.name,
        **sides,
        "difference": change.difference,
        "verdict": change.verdict,
        "beyond_interval": change.is_beyond,
    }
