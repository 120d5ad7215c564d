"""The report's last sections: every metric with its gate, and what ran where, with hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from orchestrator.results.figures import duration, number, plural, score
from orchestrator.results.metric_rows import gate_checks, metric_rows
from orchestrator.results.page import Column, card, facts, folded, pill, table
from orchestrator.results.shown import shown_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.results.metric_rows import GateCheck, MetricRow
    from orchestrator.results.model import ExecutionResult, Json, StepResult

HASH_LENGTH = 12
"""Characters that tell two hashes apart on one page."""


def metrics_html(steps: Sequence[StepResult]) -> str:
    """Return every metric of every step with its interval and gate; open where a gate looked."""
    checks = gate_checks(steps)
    return card(
        "".join(
            _metrics(step, [check for check in checks if check.step == step.name])
            for step in steps
            if step.metrics
        )
    )


def facts_html(result: ExecutionResult) -> str:
    """Return the receipt, the parameters, and each step's hash, attempts and outputs."""
    cards = [card(facts(dict(_receipt(result))), title="Receipt")]
    cards += [
        card(facts({name: as_text(value) for name, value in found.items()}), title=title)
        for title, found in (
            ("Parameters", result.parameters),
            ("Versions", _mapping(result.source.get("versions"))),
            ("Overrides", _mapping(result.source.get("overrides"))),
        )
    ]
    steps = card(_steps(shown_steps(result.steps)), title="Steps")
    return f'<div class="charts">{"".join(cards)}</div>{steps}'


def as_text(value: Json) -> str:
    """Return a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def state_of(step: StepResult) -> str:
    """Return the class of a step's state; `Cached` stands for a success that was not run."""
    return "Cached" if step.cached else step.status


def state_word(step: StepResult) -> str:
    """Return a step's state as people say it."""
    state = state_of(step)
    return {"NotStarted": "not reached"}.get(state, state.lower())


def state_pill(step: StepResult) -> str:
    """Return a step's state as a coloured word."""
    return pill(state_word(step), state_of(step))


def _metrics(step: StepResult, checks: Sequence[GateCheck]) -> str:
    rows = metric_rows(step.metrics, checks)
    gated = f" {pill(plural(len(checks), 'bound'))}" if checks else ""
    summary = f'{escape(step.name)} <span class="lead">{plural(len(rows), "metric")}</span>{gated}'
    columns = (Column("metric"), Column("value", "n"), Column("interval", "n"), Column("gate"))
    shown = sorted(rows, key=lambda row: not row.checks)  # What a gate looked at comes first.
    body = table(f"Metrics of {step.name}", columns, map(_metric, shown), kind="metrics")
    return folded(summary, body)


def _metric(row: MetricRow) -> list[str]:
    spread = "" if row.low is None or row.high is None else f"{score(row.low)} to {score(row.high)}"
    asked = " ".join(map(_asked, row.checks))
    return [escape(row.name), number(row.value), spread, asked]


def _asked(check: GateCheck) -> str:
    word = {True: pill("held"), False: pill("missed"), None: ""}[check.outcome]
    return f"{escape(check.asked)} {number(check.bound)} {word}"


def _receipt(result: ExecutionResult) -> Iterator[tuple[str, str]]:
    yield "execution", result.execution_id
    yield "definition SHA-256", result.definition_hash or "not recorded"
    yield "started", result.started_at.isoformat(timespec="seconds")
    for name, value in result.source.items():
        if not isinstance(value, Mapping):
            yield name, as_text(value)
        elif name not in {"versions", "overrides"}:
            yield name, ", ".join(f"{key} {as_text(one)}" for key, one in value.items()) or "none"
    if not result.source.get("overrides"):
        yield "overrides", "none"


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _steps(steps: Sequence[StepResult]) -> str:
    columns = (
        Column("step"), Column("type"), Column("state"), Column("time", "n"),
        Column("attempts", "n"), Column("ran with"),
    )  # fmt: skip
    rows = [
        [
            escape(step.name), escape(step.type), state_pill(step), duration(step.seconds),
            number(step.attempts) if step.attempts else "", _hash(step),
        ]
        for step in steps
    ]  # fmt: skip
    outputs = "".join(_outputs(step) for step in steps if step.outputs or step.arguments_hash)
    return table("Steps", columns, rows) + folded("Outputs and full hashes", outputs)


def _hash(step: StepResult) -> str:
    return (
        f"<code>{escape(step.arguments_hash[:HASH_LENGTH])}</code>" if step.arguments_hash else ""
    )


def _outputs(step: StepResult) -> str:
    told = {"ran with SHA-256": step.arguments_hash} if step.arguments_hash else {}
    after = {"after": ", ".join(step.depends_on)} if step.depends_on else {}
    places = {f"output {name}": uri for name, uri in step.outputs.items()}
    return f"<h4>{escape(step.name)}</h4>{facts({**told, **after, **places})}"
