"""Event files, read back by TensorBoard itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.tracking.tensorboard import TensorBoard

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training_scripts.tracking.tracker import Row, RunFacts

    Facts = Callable[..., RunFacts]
    Rows = Callable[[int, int], list[Row]]


def read(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def steps(folder: Path, tag: str) -> list[int]:
    return [event.step for event in read(folder).Scalars(tag)]


def attempt(folder: Path, run: RunFacts, sent: list[Row], *, at: float) -> TensorBoard:
    tracker = TensorBoard(folder, lambda: at)
    tracker.start(run)
    tracker.log(sent)
    return tracker


def test_tensorboard_reads_steps_times_and_values(tmp_path: Path, facts: Facts, rows: Rows) -> None:
    attempt(tmp_path, facts(), rows(1, 300), at=1000.0).finish("FINISHED", {"train/steps": 300})
    found: Any = read(tmp_path)
    assert found.Tags()["scalars"] == ["train/loss", "tokens_per_second", "eval/loss"]
    last = found.Scalars("train/loss")[-1]
    assert (last.step, last.wall_time) == (300, 1300.0)
    assert last.value == pytest.approx(1 / 300)
    assert steps(tmp_path, "eval/loss") == list(range(2, 301, 2))


def test_tensorboard_shows_the_settings_as_text(tmp_path: Path, facts: Facts) -> None:
    attempt(tmp_path, facts(), [], at=1000.0)
    found: Any = read(tmp_path)
    (text,) = found.Tensors("settings/text_summary")
    shown = text.tensor_proto.string_val[0].decode()
    assert '"learning_rate": 0.002' in shown
    assert '"architecture.hidden_size": 32' in shown
    metadata = found.SummaryMetadata("settings/text_summary")
    assert metadata.plugin_data.plugin_name == "text"


def test_a_resumed_run_has_each_step_once_in_the_same_folder(
    tmp_path: Path, facts: Facts, rows: Rows
) -> None:
    attempt(tmp_path, facts(), rows(1, 7), at=1000.0)
    # Killed after step 7, with a checkpoint of step 4, and then resumed.
    attempt(tmp_path, facts(resumed_after=4), [*rows(1, 4), *rows(5, 10)], at=2000.0)
    assert steps(tmp_path, "train/loss") == list(range(1, 11))
    assert steps(tmp_path, "eval/loss") == [2, 4, 6, 8, 10]


def test_a_run_that_resumes_on_another_machine_writes_its_earlier_rows_anew(
    tmp_path: Path, facts: Facts, rows: Rows
) -> None:
    attempt(tmp_path, facts(resumed_after=4), rows(1, 10), at=2000.0)
    assert steps(tmp_path, "train/loss") == list(range(1, 11))


def test_a_run_killed_before_its_first_checkpoint_begins_anew(
    tmp_path: Path, facts: Facts, rows: Rows
) -> None:
    attempt(tmp_path, facts(), rows(1, 3), at=1000.0)
    attempt(tmp_path, facts(), rows(1, 5), at=1001.0)
    assert steps(tmp_path, "train/loss") == [1, 2, 3, 4, 5]


def test_a_row_can_be_read_before_the_run_ends(tmp_path: Path, facts: Facts, rows: Rows) -> None:
    tracker = attempt(tmp_path, facts(), rows(1, 1), at=1000.0)
    assert steps(tmp_path, "train/loss") == [1]
    tracker.log(rows(2, 2))
    assert steps(tmp_path, "train/loss") == [1, 2]
