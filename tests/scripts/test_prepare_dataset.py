"""`prepare_dataset.py` as a job, in a simulated root."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import training_scripts
from training_scripts.container import JobFailure
from training_scripts.data.files import find_files
from training_scripts.data.problems import Problems
from training_scripts.data.readers import read_records
from training_scripts.data.statistics import MAX_TASKS, REST, statistics

pytestmark = pytest.mark.train

REPOSITORY = Path(training_scripts.__file__).parents[1]
SPLIT = {"validation": 0.2, "test": 0.2, "seed": 0, "group_by": None}
SETTINGS: dict[str, Any] = {
    "format": "auto",
    "columns": {},
    "prompt_template": "plain",
    "system_prompt": None,
    "split": SPLIT,
    "deduplicate": "near",
    "near_duplicate_threshold": 0.8,
    "max_rows": None,
    "min_characters": 1,
    "drop_ties": False,
}


def prepare(
    root: Path, rows: list[dict[str, Any]], *arguments: str, **changes: Any
) -> subprocess.CompletedProcess[str]:
    code, data = root / "processing/input/code", root / "processing/input/data"
    code.mkdir(parents=True)
    data.mkdir()
    config = {"kind": "dataset", "step": "split", "settings": {**SETTINGS, **changes}}
    (code / "config.json").write_text(json.dumps(config))
    (data / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "training_scripts/prepare_dataset.py"), *arguments],
        env={**os.environ, "FMO_ML_ROOT": str(root), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def written(root: Path) -> dict[str, list[dict[str, Any]]]:
    output = root / "processing/output"
    files = {
        "train": output / "data/train.jsonl",
        "validation": output / "data/validation.jsonl",
        "test": output / "test/test.jsonl",
    }
    return {
        name: [json.loads(line) for line in path.read_text().splitlines()]
        for name, path in files.items()
    }


def metrics(root: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(
        (root / "processing/output/metrics/metrics.json").read_text()
    )
    return found


def exchanges(count: int) -> list[dict[str, Any]]:
    return [
        {"question": f"What is {n} plus {n * 7}?", "answer": f"{n * 8}", "topic": f"t{n % 3}"}
        for n in range(count)
    ]


COLUMNS = {"prompt": "question", "completion": "answer", "task": "topic"}


def test_rows_become_worded_splits_with_their_numbers(tmp_path: Path) -> None:
    rows = [*exchanges(60), *exchanges(3), {"question": "Q", "answer": " ", "topic": "t0"}]
    done = prepare(tmp_path, rows, columns=COLUMNS, prompt_template="question-answer")
    assert done.returncode == 0, done.stderr
    assert "format: prompt-completion" in done.stdout
    splits, numbers = written(tmp_path), metrics(tmp_path)
    assert numbers["rows_read"] == 64
    assert numbers["duplicates_exact"] == 3
    assert numbers["dropped_empty"] == 1
    assert numbers["rows"] == sum(map(len, splits.values())) == 60
    assert {name: len(found) for name, found in splits.items()} == {
        name: numbers[f"rows_{name}"] for name in splits
    }
    first = splits["train"][0]
    assert first["prompt"].startswith("Question:\nWhat is ")
    assert set(first) == {"id", "prompt", "completion", "task"}
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        prepare(tmp_path / name, exchanges(40), columns=COLUMNS)
    for path in ("data/train.jsonl", "data/validation.jsonl", "test/test.jsonl"):
        one, two = (tmp_path / name / "processing/output" / path for name in ("a", "b"))
        assert one.read_bytes() == two.read_bytes()


def test_arguments_win_over_settings(tmp_path: Path) -> None:
    done = prepare(tmp_path, exchanges(60), "--max_rows=40", columns=COLUMNS)
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path)["rows"] == 40


def test_short_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [{"text": f"row {n} " + "long enough " * 5} for n in range(40)] + [{"text": "short"}]
    done = prepare(tmp_path, rows, min_characters=10)
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path)["dropped_short"] == 1


def pairs(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"What is {n} plus {n}?", "chosen": f"{2 * n}", "rejected": f"{2 * n + 1}"}
        for n in range(count)
    ]


def test_preferences_are_split_like_other_rows(tmp_path: Path) -> None:
    empty = {"prompt": "What?", "chosen": "That.", "rejected": " "}
    done = prepare(tmp_path, [*pairs(40), *pairs(2), empty], prompt_template="question-answer")
    assert done.returncode == 0, done.stderr
    assert "format: preference" in done.stdout
    numbers = metrics(tmp_path)
    assert (numbers["rows"], numbers["duplicates_exact"], numbers["dropped_empty"]) == (40, 2, 1)
    splits = written(tmp_path)
    assert all(splits.values())
    assert set(splits["test"][0]) == {"id", "prompt", "chosen", "rejected"}
    assert splits["test"][0]["prompt"].startswith("Question:\nWhat is ")


def test_a_row_that_prefers_nothing_is_named_unless_it_may_be_dropped(tmp_path: Path) -> None:
    rows = [*pairs(40), {"prompt": "What?", "chosen": "That.", "rejected": "That. "}]
    for name, drop in (("refused", False), ("dropped", True)):
        (tmp_path / name).mkdir()
        done = prepare(tmp_path / name, rows, drop_ties=drop)
        assert done.returncode == (0 if drop else 1)
        if not drop:
            assert (
                "rows.jsonl:41: 'chosen' and 'rejected' are the same, so the row prefers nothing. "
                "Correct it, or write `drop_ties: true`." in done.stderr
            )
    assert metrics(tmp_path / "dropped")["dropped_ties"] == 1
    assert metrics(tmp_path / "dropped")["rows"] == 40


def test_a_split_that_would_be_empty_is_an_error_that_writes_nothing(tmp_path: Path) -> None:
    done = prepare(tmp_path, exchanges(2), columns=COLUMNS)
    assert done.returncode == 1
    assert "none of the 2 rows" in done.stderr
    assert "Use more rows, a larger share, another split.seed" in done.stderr
    assert not list((tmp_path / "processing").rglob("*.jsonl.partial"))
    assert not list((tmp_path / "processing/output").rglob("metrics.json"))


def test_a_row_that_the_template_cannot_word_leaves_nothing_half_written(tmp_path: Path) -> None:
    turns = [{"role": role, "content": "Yes, that it is."} for role in ("user", "assistant")]
    rows = [{"messages": [{"role": "user", "content": f"Row {n}"}, turns[1]]} for n in range(30)]
    rows.append({"messages": turns * 2})
    done = prepare(tmp_path, rows, prompt_template="alpaca")
    assert done.returncode == 1
    assert (
        "has the turns user, assistant, user, assistant. Use prompt_template: chat" in done.stderr
    )
    assert not [path for path in (tmp_path / "processing/output").rglob("*") if path.is_file()]


def test_a_share_of_nothing_gives_an_empty_file(tmp_path: Path) -> None:
    split = {**SPLIT, "validation": 0, "test": 0}
    done = prepare(tmp_path, exchanges(20), columns=COLUMNS, split=split)
    assert done.returncode == 0, done.stderr
    assert {name: len(rows) for name, rows in written(tmp_path).items()} == {
        "train": 20,
        "validation": 0,
        "test": 0,
    }


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"split": {**SPLIT, "test": 0.9}}, "split: validation 0.2 and test 0.9 must be"),
        ({"min_characters": 1_000}, "no rows are left of 20 .* 20 under min_characters 1000"),
    ],
)
def test_settings_that_leave_nothing_are_refused(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    done = prepare(tmp_path, exchanges(20), columns=COLUMNS, **changes)
    assert done.returncode == 1
    assert re.search(text, done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_one_bad_row_in_a_million_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        "".join(
            '{"text": }\n' if number == 777_776 else f'{{"text": "row {number}"}}\n'
            for number in range(1_000_000)
        )
    )
    problems = Problems()
    rows = sum(1 for _ in read_records(find_files(tmp_path), problems))
    assert rows == 999_999
    with pytest.raises(JobFailure, match=r"^rows\.jsonl:777777: not valid JSON \(expecting value"):
        problems.fail_if_any()


def test_statistics_say_how_long_rows_are_and_of_which_task(tmp_path: Path) -> None:
    rows = [*exchanges(60), {"question": "What is " + "long " * 400, "answer": "x", "topic": "t0"}]
    done = prepare(tmp_path, rows, columns=COLUMNS)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "processing/output/metrics/statistics.json").read_text())
    splits, histogram = written(tmp_path), dict(found["histogram"])
    edges = histogram.pop("edges")
    assert {name: sum(counts) for name, counts in histogram.items()} == {
        name: len(rows) for name, rows in splits.items()
    }
    assert all(len(counts) == len(edges) - 1 for counts in histogram.values())
    assert edges[-1] > max(one["max"] for one in found["lengths"].values()) > 2000
    tasks = Counter((row["task"], name) for name, rows in splits.items() for row in rows)
    assert {(t, n): count for t, one in found["tasks"].items() for n, count in one.items()} == {
        (t, n): tasks[t, n] for t in ("t0", "t1", "t2") for n in splits
    }


def test_statistics_count_rare_tasks_as_one() -> None:
    tasks = Counter({(f"t{n}", "train"): 30 - n for n in range(25)})
    found = statistics(np.arange(1, 5), ["train"] * 4, tasks)
    assert len(found["tasks"]) == MAX_TASKS + 1
    assert found["tasks"][REST]["train"] == sum(range(6, 11))
    assert set(found["histogram"]) == {"edges", "train"}
