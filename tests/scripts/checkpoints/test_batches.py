"""Finished batches survive whatever ends the process, whole."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from training_scripts.checkpoints.batches import BatchLog

if TYPE_CHECKING:
    from pathlib import Path


def line(row: int) -> str:
    return json.dumps({"id": row, "text": "é" * row})


def append(log: BatchLog, batch: int, *rows: int) -> None:
    log.append(batch, {row: line(row) for row in rows}, {"tokens": len(rows)})


def rows_of(log: BatchLog) -> list[int]:
    return [json.loads(found)["id"] for found in log.lines()]


def test_rows_come_back_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    log = BatchLog.open(tmp_path / "run")
    append(log, 1, 4, 0)
    append(log, 0, 3, 2)

    assert rows_of(log) == [0, 2, 3, 4]
    assert list(log.lines())[3] == f"{line(4)}\n".encode()
    assert log.total("tokens") == 4


# Every length a write can be cut to, the last line's end included.
@pytest.mark.parametrize("share", [0.05, 0.4, 0.75, 0.97, 0.999])
def test_a_half_written_batch_is_dropped_and_written_again(tmp_path: Path, share: float) -> None:
    log = BatchLog.open(tmp_path)
    append(log, 0, 0, 1)
    before = (tmp_path / "part-0.jsonl").stat().st_size
    append(log, 1, 2, 3)
    whole = (tmp_path / "part-0.jsonl").read_bytes()
    os.truncate(tmp_path / "part-0.jsonl", before + int((len(whole) - before) * share))

    resumed = BatchLog.open(tmp_path)

    assert set(resumed.batches) == {0}
    assert rows_of(resumed) == [0, 1]
    append(resumed, 1, 2, 3)
    assert (tmp_path / "part-0.jsonl").read_bytes() == whole
    assert rows_of(BatchLog.open(tmp_path)) == [0, 1, 2, 3]


def test_processes_write_files_of_their_own_and_read_all(tmp_path: Path) -> None:
    first, second = BatchLog.open(tmp_path, 0), BatchLog.open(tmp_path, 1)
    append(first, 0, 0, 1)
    append(second, 1, 2)
    with (tmp_path / "part-1.jsonl").open("ab") as file:
        file.write(b'{"id": 3}\n{"batch": 3, "rows": [')

    first.scan()

    assert set(first.batches) == {0, 1}
    assert rows_of(first) == [0, 1, 2]
    before = (tmp_path / "part-1.jsonl").read_bytes()
    BatchLog.open(tmp_path, 0)
    assert (tmp_path / "part-1.jsonl").read_bytes() == before, "another process may be writing"


def test_a_cleared_log_leaves_those_of_other_runs(tmp_path: Path) -> None:
    one, other = BatchLog.open(tmp_path / "one"), BatchLog.open(tmp_path / "other")
    append(one, 0, 0)
    append(other, 0, 0)

    one.clear()

    assert [path.name for path in tmp_path.iterdir()] == ["other"]
