"""Facts of a run, and rows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.tracking.tracker import Row, RunFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def facts(tmp_path: Path) -> Callable[..., RunFacts]:
    def make(**fields: Any) -> RunFacts:
        values: dict[str, Any] = {
            "project": "support",
            "name": "job-1",
            "step": "sft",
            "hyperparameters": {"learning_rate": 0.002, "architecture": {"hidden_size": 32}},
            "resumed_after": 0,
            "kept": tmp_path / "kept",
        }
        return RunFacts(**(values | fields))

    return make


def rows(first: int, last: int) -> list[Row]:
    """A row about training at each step, and one about validation at each even one."""
    found = []
    for step in range(first, last + 1):
        found.append(Row(step, 1000.0 + step, {"train/loss": 1 / step, "tokens_per_second": 50.0}))
        if step % 2 == 0:
            found.append(Row(step, 1000.5 + step, {"eval/loss": 2 / step}))
    return found


@pytest.fixture(name="rows", scope="session")
def rows_fixture() -> Callable[[int, int], list[Row]]:
    return rows
