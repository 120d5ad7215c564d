"""An evaluate step's `table.json`, read: one row per task and metric, model beside baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.results.figures import finite_number

if TYPE_CHECKING:
    from orchestrator.results.model import Json

BASELINES: Mapping[str, str] = {
    "base": "base model",
    "champion": "champion",
    "majority": "majority",
    "first_word": "first word",
    "tfidf": "TF-IDF",
}
"""What the model is compared with: member of `table.json` to its heading."""

VERDICTS = ("wins", "ties", "loses")


@dataclass(frozen=True)
class Score:
    """A metric and its interval, where one was computed."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class EvaluationRow:
    """One metric of one task, for the model and whatever it is compared with."""

    task: str
    metric: str
    rows: int
    model: Score
    baselines: Mapping[str, Score] = field(default_factory=dict)
    """By the keys of `BASELINES`; only those that were computed."""
    lower_is_better: bool = False
    stated_verdict: str = ""
    """The job's own, which knows the interval of the difference on the same rows."""

    @property
    def best_baseline(self) -> tuple[str, Score] | None:
        """The strongest thing the model is compared with; None when it stands alone."""
        if not self.baselines:
            return None
        choose = min if self.lower_is_better else max
        return choose(self.baselines.items(), key=lambda item: item[1].value)

    @property
    def verdict(self) -> str:
        """`wins`, `ties` or `loses` against the strongest; empty when it stands alone."""
        best = self.best_baseline
        if best is None or self.stated_verdict:
            return self.stated_verdict
        ahead = round(self.model.value, 3) - round(best[1].value, 3)
        if self.lower_is_better:
            ahead = -ahead
        if ahead == 0:
            return "ties"
        return "wins" if ahead > 0 else "loses"


def champion_note(table: Json) -> str:
    """Return in words which model was compared as champion; empty where none was asked for."""
    champion = table.get("champion") if isinstance(table, Mapping) else None
    if not isinstance(champion, Mapping):
        return ""
    name = str(champion.get("name", ""))
    if champion.get("found") is True:
        return f"The champion is {name}."
    return f"No version of {name} is approved yet: there is no champion to compare with."


def evaluation_rows(table: Json) -> tuple[EvaluationRow, ...]:
    """Return the rows of a `table.json`; what is not a row with a model's score is left out."""
    rows = table.get("rows") if isinstance(table, Mapping) else table
    if not isinstance(rows, list | tuple):
        return ()
    read = (_row(row) for row in rows if isinstance(row, Mapping))
    return tuple(row for row in read if row is not None)


def _row(document: Mapping[str, Json]) -> EvaluationRow | None:
    model = _score(document.get("model"))
    if model is None:
        return None
    scores = {name: _score(document.get(name)) for name in BASELINES}
    count = document.get("rows", 0)
    verdict = str(document.get("verdict", ""))
    return EvaluationRow(
        task=str(document.get("task", "all")),
        metric=str(document.get("metric", "score")),
        rows=count if isinstance(count, int) else 0,
        model=model,
        baselines={name: score for name, score in scores.items() if score is not None},
        lower_is_better=document.get("lower_is_better") is True,
        stated_verdict=verdict if verdict in VERDICTS else "",
    )


def _score(value: Json) -> Score | None:
    if isinstance(value, Mapping):
        centre = finite_number(value.get("value"))
        if centre is None:
            return None
        return Score(centre, finite_number(value.get("low")), finite_number(value.get("high")))
    centre = finite_number(value)
    return None if centre is None else Score(centre)
