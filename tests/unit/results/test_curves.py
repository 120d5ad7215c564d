"""The history of training as curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.results.curves import MOST_POINTS, curve, thinned
from orchestrator.results.model import StepResult

if TYPE_CHECKING:
    from orchestrator.results.model import Json


def trained(*rows: dict[str, Json]) -> StepResult:
    return StepResult("sft", "Training", history=rows)


def test_a_curve_holds_what_is_a_number_in_order() -> None:
    step = trained(
        {"step": 2, "loss": 1.5}, {"step": 1, "loss": 2}, {"step": 3, "loss": "x"}, {"loss": 1.0},
        {"step": 4, "loss": float("nan")}, {"step": 5, "train/loss": 1.0, "loss": 9.0},
    )  # fmt: skip
    assert curve(step, ("train/loss", "loss")) == ((1, 2), (2, 1.5), (5, 1.0))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=2_000))
def test_a_long_curve_keeps_its_ends_and_its_extremes(values: list[float]) -> None:
    points = [(float(at), value) for at, value in enumerate(values)]
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS + 4
    assert set(kept) <= set(points)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert {max(value for _, value in kept), min(value for _, value in kept)} == {
        max(values), min(values),
    }  # fmt: skip
    assert list(kept) == sorted(kept)
