"""The report's first screen: how it ended, what the gates said, and the numbers that matter."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.curves import EVAL_LOSS, TRAIN_LOSS, curve
from orchestrator.results.data_statistics import data_statistics
from orchestrator.results.evaluation import evaluation_rows
from orchestrator.results.figures import duration, number, plural, score, shortened
from orchestrator.results.metric_rows import HEADLINES, gate_checks
from orchestrator.results.page import Column, card, figures, pill, table
from orchestrator.results.plots import bound_svg
from orchestrator.results.shown import shown_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.results.metric_rows import GateCheck
    from orchestrator.results.model import ExecutionResult, StepResult

MOST_FIGURES = 6
MOST_OF_A_REASON = 200
"""Characters; all of it stands below."""
SMOKE_RUN = "A smoke run, on few rows and with tiny models: its numbers mean nothing."
_SCORES = ("accuracy", "rouge_l", "exact_match", "perplexity")
_ENDED = {
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Stopped": "Stopped before its end",
    "Executing": "Still running",
    "Stopping": "Being stopped",
}


def top_html(result: ExecutionResult) -> str:
    """Return name, verdict and headline numbers."""
    checks = gate_checks(result.steps)
    begun = result.started_at.strftime("%Y-%m-%d %H:%M %Z").strip()
    return (
        f"<h1>{escape(result.pipeline_name)}</h1>\n"
        f'<p class="verdict {escape(result.status)}"><strong>{_ENDED[result.status]}</strong> '
        f"<span>{escape(verdict(result, checks))}</span></p>\n"
        f'<div class="meta"><span>started <b>{escape(begun)}</b></span>'
        f"<span>took <b>{duration(result.seconds) if result.seconds else 'not ended'}</b></span>"
        f"<span>execution <code>{escape(result.execution_id)}</code></span></div>\n"
        f"{figures(list(_headlines(result))[:MOST_FIGURES])}\n"
    )


def verdict(result: ExecutionResult, checks: Sequence[GateCheck]) -> str:
    """Return one sentence about the gates, or about how far it got."""
    if not result.is_smoke:
        return _verdict(result, checks)
    if result.status == "Succeeded":
        return f"{SMOKE_RUN} Gates were not enforced, and nothing was registered."
    return f"{SMOKE_RUN} {_verdict(result, checks)}"


def gates_html(steps: Sequence[StepResult]) -> str:
    """Return each gate's comparisons, with how far each is from its bound; empty without gates."""
    by_name = {step.name: step for step in steps}
    rows = [_gate_row(check, by_name) for check in gate_checks(steps)]
    rows += [
        [escape(step.name), pill("not reached"), "", "", "", ""]
        for step in steps
        if step.type == "Condition" and not step.conditions and not step.goes_without_saying
    ]
    columns = (
        Column("metric"), Column("verdict"), Column("found", "n"), Column("asked", "n"),
        Column("margin", "n"), Column("value and bound"),
    )  # fmt: skip
    return card(table("Gates", columns, rows, kind="gates"))


def margin_text(check: GateCheck) -> str:
    """Return how far a value is from its bound: `+0.15`, `-0.02`; empty where nothing says."""
    if check.margin is None:
        return ""
    sign = "+" if check.margin > 0 else "-" if check.margin < 0 else ""
    return f"{sign}{number(abs(check.margin))}"


def _verdict(result: ExecutionResult, checks: Sequence[GateCheck]) -> str:
    missed = [check for check in checks if check.outcome is False]
    if missed:
        words = "; ".join(map(_missed, missed))
        shut = any(step.condition_outcome is False for step in result.steps)
        so = " So it ended there." if result.status == "Succeeded" and shut else ""
        return f"{plural(len(missed), 'bound')} of a gate did not hold: {words}.{so}"
    if result.status == "Failed":
        return " ".join(_failed(step) for step in result.steps if step.status == "Failed")
    held = [check for check in checks if check.outcome]
    if not held:
        done = sum(step.status == "Succeeded" for step in result.steps)
        has_gate = any(step.type == "Condition" for step in result.steps)
        gate = "no gate was reached" if has_gate else "it has no gate"
        return f"{plural(done, 'step')} done; {gate}."
    closest = min(held, key=_closeness)
    all_held = "Every gate held." if result.status == "Succeeded" else "Every gate so far held."
    if closest.margin is None or len(held) == 1:
        return all_held
    return (
        f"{all_held} Of {len(held)} bounds the closest is {closest.metric or closest.gate}: "
        f"{number(closest.value)}, with {closest.asked} {number(closest.bound)} asked."
    )


def _failed(step: StepResult) -> str:
    reason = (step.failure_reason or "").strip().partition("\n")[0].removeprefix(f"{step.name}: ")
    return f"Step {step.name} failed{': ' if reason else '.'}{shortened(reason, MOST_OF_A_REASON)}"


def _missed(check: GateCheck) -> str:
    if check.value is None:
        return check.text
    asked = f"{check.asked} {number(check.bound)}"
    return f"{check.metric or check.gate} is {number(check.value)}, with {asked} asked"


def _closeness(check: GateCheck) -> float:
    """How near a value is to its bound, as a share of the larger of the two."""
    if check.margin is None or check.value is None or check.bound is None:
        return float("inf")
    size = max(abs(check.value), abs(check.bound))
    # A count that has to be zero and is zero is no close call.
    return abs(check.margin) / size if size else float("inf")


def _gate_row(check: GateCheck, steps: Mapping[str, StepResult]) -> list[str]:
    missed = pill("missed") if check.is_enforced else pill("missed, not enforced", "missed")
    word = {True: pill("held"), False: missed, None: pill("not decided")}[check.outcome]
    where = f'<span class="range">{escape(check.gate)}</span>'
    if check.value is None:
        return [f"<code>{escape(check.text)}</code>{where}", word, "", "", "", ""]
    metrics = steps[check.step].metrics if check.step in steps else {}
    low, high = metrics.get(f"{check.metric}.low"), metrics.get(f"{check.metric}.high")
    interval = None if low is None or high is None else (low, high)
    spread = f'<span class="range">{score(low)} to {score(high)}</span>' if interval else ""
    against = f'<span class="range">{escape(check.against)}</span>' if check.against else ""
    return [
        f"{escape(check.metric or 'value')}{where}",
        word,
        f"{number(check.value)}{spread}",
        f"{escape(check.asked)} {number(check.bound)}{against}",
        margin_text(check),
        bound_svg(check, interval),
    ]


def _headlines(result: ExecutionResult) -> Iterator[tuple[str, str, str]]:
    exams = [step for step in result.steps if step.table]
    if exams:
        yield from _exam_figures(exams[-1])
    for step in [step for step in result.steps if step.history][-1:]:
        yield from _training_figures(step)
    yield from _data_figures(result)
    done = [step for step in result.steps if step.status == "Succeeded"]
    wanted = shown_steps(result.steps)
    cached = sum(step.cached for step in done)
    note = f"{cached} from the cache" if cached else ""
    yield "steps done", f"{len(done)} of {len(wanted)}", note
    # A step of kind `generate` is a Training step, too, and learns nothing.
    trained = sum(step.seconds or 0 for step in done if step.history and not step.cached)
    if trained:
        yield "spent training", duration(trained), ""
    elif not exams:
        yield from _any_figures(done)


def _exam_figures(step: StepResult) -> Iterator[tuple[str, str, str]]:
    for name in [name for name in _SCORES if name in step.metrics][:2]:
        base = step.metrics.get(f"base.{name}")
        note = "" if base is None else f"{score(base)} before"
        yield f"{name} in {step.name}", score(step.metrics[name]), note
    delta = step.metrics.get("forgetting.loss_delta")
    if delta is not None:
        low, high = (step.metrics.get(f"forgetting.loss_delta.{end}") for end in ("low", "high"))
        spread = "" if low is None or high is None else f", {low:+.3f} to {high:+.3f}"
        yield f"forgotten, {step.name}", f"{delta:+.3f}", f"nats per token{spread}"
    compared = [row for row in evaluation_rows(step.table) if row.verdict]
    if compared:
        count = {
            said: sum(row.verdict == verdict for row in compared)
            for verdict, said in (("ties", "tied"), ("loses", "lost"))
        }
        wins = len(compared) - sum(count.values())
        note = ", ".join(f"{times} {said}" for said, times in count.items() if times)
        yield "comparisons won", f"{wins} of {len(compared)}", note


def _training_figures(step: StepResult) -> Iterator[tuple[str, str, str]]:
    for name, names in (("validation loss", EVAL_LOSS), ("training loss", TRAIN_LOSS)):
        points = curve(step, names)
        if points:
            first = f"{number(points[0][1])} at step {number(points[0][0])}"
            yield f"{name} of {step.name}", number(points[-1][1]), first
            return


def _data_figures(result: ExecutionResult) -> Iterator[tuple[str, str, str]]:
    found = [data for step in result.steps if (data := data_statistics(step))]
    if found:
        rows = sum(sum(one.rows.values()) for one in found)
        yield "rows of data", number(rows), plural(len(found), "dataset")


def _any_figures(done: Sequence[StepResult]) -> Iterator[tuple[str, str, str]]:
    for step in done:
        for name in [name for name in HEADLINES if name in step.metrics][:1]:
            yield f"{name} of {step.name}", number(step.metrics[name]), ""
