"""What a dataset step says of its rows, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.results.data_statistics import data_statistics
from orchestrator.results.model import StepResult

if TYPE_CHECKING:
    from orchestrator.results.model import Json

COUNTS = {"rows_read": 12.0, "rows_train": 8.0, "rows_test": 2.0, "duplicates_exact": 2.0}


def split(statistics: Json) -> StepResult:
    return StepResult("split", "Processing", metrics=COUNTS, statistics=statistics)


def test_counts_are_enough() -> None:
    found = data_statistics(split(None))
    assert found is not None
    assert found.rows == {"train": 8, "test": 2}
    assert (found.read, found.dropped, found.edges) == (12, {"exact copies": 2}, ())


def test_a_step_that_split_nothing_has_no_statistics() -> None:
    assert data_statistics(StepResult("exam", "Processing", metrics={"rows": 3})) is None


@pytest.mark.parametrize(
    "histogram",
    [None, [], {"edges": [0, 1]}, {"edges": [0, 1, 2], "train": [3]}, {"edges": "01", "train": [1]},
     {"edges": [0, 2, 1], "train": [1, 1]}, {"edges": [0, 1, float("nan")], "train": [1, 2]}],
)  # fmt: skip
def test_a_histogram_that_does_not_fit_is_left_out(histogram: Json) -> None:
    found = data_statistics(split({"histogram": histogram, "tasks": 3, "lengths": {"train": 1}}))
    assert found is not None
    assert (found.edges, found.histogram, found.tasks) == ((), {}, {})


def test_lengths_and_tasks_are_read() -> None:
    found = data_statistics(
        split(
            {
                "unit": "characters",
                "histogram": {"edges": [0, 5, 10], "train": [3, 5]},
                "lengths": {"train": {"p50": 6.5, "max": 9}},
                "tasks": {"a": {"train": 8, "test": 2}},
            }
        )
    )
    assert found is not None
    assert found.histogram == {"train": (3, 5)}
    assert found.lengths == {"train": {"p50": 6.5, "max": 9}}
    assert found.tasks == {"a": {"train": 8, "test": 2}}
