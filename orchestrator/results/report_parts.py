"""The report's larger pieces, each from results to HTML; every text is escaped here."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.evaluation import BASELINES, VERDICTS, EvaluationRow, Score
from orchestrator.results.figures import duration, number, plural, score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from orchestrator.results.model import ExecutionResult, Json, StepResult

HASH_LENGTH = 12
SAMPLE_FIELDS: Mapping[str, str] = {
    "prompt": "prompt",
    "expected": "expected",
    "model": "tuned",
    "base model": "base",
}
"""What is shown of a sample, and the member of `samples.jsonl` that holds it."""


def pill(word: str, kind: str = "") -> str:
    """Return a word as a coloured label."""
    return f'<span class="pill {escape(kind or word)}">{escape(word)}</span>'


def gantt_html(result: ExecutionResult) -> str:
    """Return when each step ran, as bars on one time axis."""
    ends = [step.ended_at for step in result.steps if step.ended_at]
    end = result.ended_at or max(ends, default=result.started_at)
    total = max((end - result.started_at).total_seconds(), 1e-3)
    rows = "".join(_gantt_row(step, result.started_at, total) for step in result.steps)
    return f'<div class="gantt">{rows}</div>'


def gates_html(steps: Iterable[StepResult]) -> str:
    """Return each gate with what it compared; empty when there is none."""
    rows = "".join(_gate_row(step) for step in steps if step.type == "Condition")
    if not rows:
        return ""
    return (
        '<div class="card scroll"><table class="gates"><thead><tr><th>gate</th>'
        "<th>what was compared</th><th>verdict</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def evaluation_html(step: str, rows: Sequence[EvaluationRow]) -> str:
    """Return the model beside its baselines, in numbers and on one axis per row."""
    shown = [name for name in BASELINES if any(name in row.baselines for row in rows)]
    head = "".join(f'<th class="n">{escape(BASELINES[name])}</th>' for name in shown)
    body = "".join(_evaluation_row(row, shown) for row in rows)
    said = _count_verdicts(rows)
    return (
        f'<div class="card"><h3>{escape(step)}</h3><p>{escape(said)}</p><div class="scroll"><table>'
        '<thead><tr><th>task</th><th>verdict</th><th class="n">model</th>'
        f"{head}<th>on one axis</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
        '<p class="lead">The filled dot is the model, its band the interval; rings are the base '
        "model and the baselines.</p></div>"
    )


def samples_html(step: StepResult) -> str:
    """Return what the model wrote for some prompts, beside what was expected."""
    cards = "".join(_sample_card(sample) for sample in step.samples)
    return f'<div class="samples">{cards}</div>'


def metrics_html(steps: Iterable[StepResult]) -> str:
    """Return the metrics of every step that has any, folded."""
    folded = "".join(
        f"<details><summary>{escape(step.name)} "
        f'<span class="lead">{len(step.metrics)}</span></summary>{_metrics_table(step.metrics)}'
        "</details>"
        for step in steps
        if step.metrics
    )
    return f'<div class="card">{folded}</div>' if folded else ""


def facts_html(result: ExecutionResult) -> str:
    """Return what ran: parameters, receipt, and each step's hash, outputs and attempts."""
    facts: dict[str, Json] = {
        "definition": result.definition_hash or "not recorded",
        **{f"parameter {name}": value for name, value in result.parameters.items()},
        **result.source,
    }
    steps = "".join(_step_facts(step) for step in result.steps)
    return f'<div class="card">{_facts(facts)}</div><div class="card">{steps}</div>'


def _count_verdicts(rows: Sequence[EvaluationRow]) -> str:
    compared = [row for row in rows if row.verdict]
    count = {word: sum(row.verdict == word for row in compared) for word in VERDICTS}
    said = (
        f"Of {plural(len(compared), 'comparison')} the model wins {count['wins']}, "
        f"ties {count['ties']} and loses {count['loses']}."
    )
    losses = ", ".join(
        f"{row.task} ({row.metric}) to {BASELINES[row.best_baseline[0]]}"
        for row in compared
        if row.verdict == "loses" and row.best_baseline
    )
    return f"{said} It loses {losses}." if losses else said


def _gantt_row(step: StepResult, begun: datetime, total: float) -> str:
    state = "Cached" if step.cached else step.status
    drawn = ""
    if step.started_at is not None and step.seconds is not None:
        left = (step.started_at - begun).total_seconds() / total * 100
        left = min(max(left, 0), 99.5)
        width = min(step.seconds / total * 100, 100 - left)
        drawn = f'<i style="left:{left:.2f}%;width:{width:.2f}%"></i>'
    time = "cached" if step.cached else duration(step.seconds)
    if step.status == "NotStarted":
        time = "not reached"
    return (
        f'<div class="row {escape(state)}"><span class="label" title="{escape(step.name)}">'
        f'{escape(step.name)}</span><span class="track">{drawn}</span>'
        f'<span class="time">{escape(time)}</span></div>'
    )


def _gate_row(step: StepResult) -> str:
    compared = "<br>".join(f"<code>{escape(one)}</code>" for one in step.conditions)
    verdict = {
        True: pill("held", "held"),
        False: pill("did not hold", "missed"),
        None: pill("not reached"),
    }[step.condition_outcome]
    return f"<tr><td>{escape(step.name)}</td><td>{compared}</td><td>{verdict}</td></tr>"


def _evaluation_row(row: EvaluationRow, shown: Sequence[str]) -> str:
    scores = [row.model.value, *(one.value for one in row.baselines.values())]
    best = min(scores) if row.lower_is_better else max(scores)
    others = "".join(_score_cell(row.baselines.get(name), best) for name in shown)
    verdict = row.verdict
    if verdict in {"loses", "ties"} and row.best_baseline:
        to = "to" if verdict == "loses" else "with"
        verdict = f"{verdict} {to} {BASELINES[row.best_baseline[0]]}"
    return (
        f"<tr><td>{escape(row.task)}"
        f'<span class="range">{escape(row.metric)}, {plural(row.rows, "row")}</span></td>'
        f"<td>{pill(verdict, row.verdict) if verdict else ''}</td>"
        f"{_score_cell(row.model, best)}{others}<td>{_dots(row)}</td></tr>"
    )


def _score_cell(value: Score | None, best: float) -> str:
    if value is None:
        return '<td class="n">-</td>'
    spread = ""
    if value.low is not None and value.high is not None:
        spread = f'<span class="range">{score(value.low)} to {score(value.high)}</span>'
    is_best = " best" if value.value == best else ""
    return f'<td class="n{is_best}">{score(value.value)}{spread}</td>'


def _dots(row: EvaluationRow) -> str:
    everything = (row.model, *row.baselines.values())
    ends = [end for one in everything for end in (one.value, one.low, one.high) if end is not None]
    top = max(1.0, *ends)

    def at(value: float) -> float:
        return min(max(value / top, 0.0), 1.0) * 100

    model = row.model
    band = ""
    if model.low is not None and model.high is not None:
        width = at(model.high) - at(model.low)
        band = f'<b style="left:{at(model.low):.1f}%;width:{width:.1f}%"></b>'
    rings = "".join(
        f'<i style="left:{at(one.value):.1f}%" title="{escape(BASELINES[name])}"></i>'
        for name, one in row.baselines.items()
    )
    return (
        f'<div class="dots">{band}{rings}'
        f'<i class="model" style="left:{at(model.value):.1f}%" title="model"></i></div>'
    )


def _sample_card(sample: Mapping[str, Json]) -> str:
    parts = []
    for label, member in SAMPLE_FIELDS.items():
        found = sample.get(member)
        if found is not None:
            parts.append(f"<dt>{label}</dt><dd><pre>{escape(_as_text(found))}</pre></dd>")
    task = sample.get("task")
    title = f"<h3>{escape(str(task))}</h3>" if task else ""
    return f'<div class="card">{title}<dl class="sample">{"".join(parts)}</dl></div>'


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _metrics_table(metrics: Mapping[str, float]) -> str:
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{number(value)}</td></tr>'
        for name, value in metrics.items()
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def _step_facts(step: StepResult) -> str:
    facts: dict[str, Json] = {"type": step.type, "attempts": step.attempts}
    if step.arguments_hash:
        facts["ran with"] = step.arguments_hash[:HASH_LENGTH]
    if step.depends_on:
        facts["after"] = ", ".join(step.depends_on)
    facts.update({f"output {name}": uri for name, uri in step.outputs.items()})
    state = "Cached" if step.cached else step.status
    word = {"NotStarted": "not reached", "Cached": "cached"}.get(state, state.lower())
    return (
        f"<details><summary>{escape(step.name)}{pill(word, state)}</summary>"
        f"{_facts(facts)}</details>"
    )


def _facts(facts: Mapping[str, Json]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd><code>{escape(_as_text(value))}</code></dd>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">{rows}</dl>'
