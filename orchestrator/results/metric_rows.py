"""What steps measured and what gates asked of it: each metric with its interval and its bound."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.results.smoke import DOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orchestrator.results.model import StepResult

HEADLINES = (
    "preference_accuracy", "accuracy", "rouge_l", "exact_match", "perplexity", "loss", "eval/loss",
    "eval/accuracy", "train/loss", "train/tokens_per_second", "rows_train", "rows_validation",
    "rows_test", "rows",
)  # fmt: skip
"""Metrics that say most in a few words, the most telling first."""
ASKED = {">=": "at least", "<=": "at most", ">": "above", "<": "below", "==": "exactly"}
_NUMBER = r"[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|inf)"
_COMPARISON = re.compile(
    rf"(?:(?P<metric>.+) )?(?P<value>{_NUMBER}) (?P<sign>[<>]=?|==) "
    rf"(?:(?P<against>.+) )?(?P<bound>{_NUMBER})(?P<unenforced> \(not enforced\))?"
)
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq,
}  # fmt: skip
_SIX_DIGITS = 1e-5
"""A condition's text holds six significant digits of what was compared."""
_LESS_IS_BETTER = re.compile(r"(?:^|[./_])(?:loss|perplexity|loss_delta)(?:[._]|$)")
_MORE_IS_BETTER = re.compile(r"(?:^|[./_])(?:accuracy|rouge_l|exact_match|f1)(?:[._]|$)")


@dataclass(frozen=True)
class GateCheck:
    """One comparison of a gate: what was found, and what was asked."""

    gate: str
    """The Condition step."""
    text: str
    """As the backend worded it, such as `accuracy 0.91 >= 0.8`."""
    step: str = ""
    """The step that measured it; empty where that is not known."""
    metric: str = ""
    value: float | None = None
    sign: str = ""
    bound: float | None = None
    against: str = ""
    """The metric that gave the bound; empty where the bound is a number."""
    outcome: bool | None = None
    """Of this comparison where it was read, else of the whole gate."""
    is_enforced: bool = True
    """Whether the gate stays closed without it; not in a smoke run."""

    @property
    def margin(self) -> float | None:
        """How far `value` is on the good side of `bound`; below zero where it missed."""
        if self.value is None or self.bound is None or self.sign not in ASKED:
            return None
        ahead = self.value - self.bound
        return -abs(ahead) if self.sign == "==" else -ahead if self.sign in {"<", "<="} else ahead

    @property
    def asked(self) -> str:
        """The bound in words, without its number: `at least`."""
        return ASKED.get(self.sign, self.sign)


@dataclass(frozen=True)
class MetricRow:
    """One metric with the ends of its interval, where it has one, and what gates asked of it."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    checks: tuple[GateCheck, ...] = ()


def gate_checks(steps: Sequence[StepResult]) -> tuple[GateCheck, ...]:
    """Return every comparison of every gate that was reached, in order."""
    by_name = {step.name: step for step in steps}
    return tuple(
        _check(text, step, [by_name[name] for name in step.depends_on if name in by_name])
        for step in steps
        if step.type == "Condition" and not step.name.endswith(DOOR)
        for text in step.conditions
    )


def metric_rows(
    metrics: Mapping[str, float], checks: Iterable[GateCheck] = ()
) -> tuple[MetricRow, ...]:
    """Return the metrics in their order, `NAME.low` and `NAME.high` folded into `NAME`."""
    checks = tuple(checks)
    rows = []
    for name, value in metrics.items():
        stem, _, end = name.rpartition(".")
        if stem in metrics and end in {"low", "high"}:
            continue
        own = tuple(check for check in checks if check.metric == name)
        low, high = metrics.get(f"{name}.low"), metrics.get(f"{name}.high")
        rows.append(MetricRow(name, value, low, high, own))
    return tuple(rows)


def direction(name: str, checks: Iterable[GateCheck] = ()) -> int:
    """Return 1 where more of a metric is better, -1 where less is, 0 where nobody said.

    A gate's bound says it; else the metrics whose names everybody knows.
    """
    signs = {check.sign[:1] for check in checks if check.metric == name}
    if signs in ({">"}, {"<"}):
        return 1 if signs == {">"} else -1
    if _LESS_IS_BETTER.search(name):
        return -1
    return 1 if _MORE_IS_BETTER.search(name) else 0


def _check(text: str, gate: StepResult, measured: Sequence[StepResult]) -> GateCheck:
    found = _COMPARISON.fullmatch(text)
    if found is None:
        return GateCheck(gate.name, text, outcome=gate.condition_outcome)
    metric, value, bound = found["metric"] or "", float(found["value"]), float(found["bound"])
    step = next((one for one in measured if _has(one.metrics, metric, value)), None)
    exact = step.metrics[metric] if step else value
    holds = _HOLDS[found["sign"]](exact, bound)
    return GateCheck(
        gate=gate.name,
        text=text,
        step=step.name if step else "",
        metric=metric,
        value=exact,
        sign=found["sign"],
        bound=bound,
        against=found["against"] or "",
        outcome=_outcome(gate, holds=holds, is_enforced=not found["unenforced"]),
        is_enforced=not found["unenforced"],
    )


def _outcome(gate: StepResult, *, holds: bool, is_enforced: bool) -> bool | None:
    if not is_enforced or gate.condition_outcome is False:
        return holds and is_enforced
    # All comparisons of a gate that held did, whatever a bound's seventh digit says.
    return gate.condition_outcome


def _has(metrics: Mapping[str, float], metric: str, value: float) -> bool:
    return metric in metrics and abs(metrics[metric] - value) <= _SIX_DIGITS * abs(value)
